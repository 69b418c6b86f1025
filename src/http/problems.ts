import type { Feature, ProblemKind } from '../engine/define/feature';
import type { Refusal } from '../engine/define/refusal';
import { refusalOf, type Problem } from './problem';
import { CORE_PROBLEMS } from './problem-codes';
import { StartFailed } from './start-failure';

const CODE = /^[a-z]+(_[a-z]+)*$/;

/**
 * Every code that the API answers with, its status and its title: the core's and those of the
 * features. The only place where a refusal of the ledger meets HTTP.
 */
export class Problems {
  /** By status, and then by name. */
  readonly codes: readonly string[];
  private readonly kinds: ReadonlyMap<string, ProblemKind>;

  /** @throws StartFailed naming each code that is declared twice or not as a refusal's code is */
  constructor(features: readonly Pick<Feature, 'name' | 'problems'>[]) {
    const kinds = new Map<string, ProblemKind>(Object.entries(CORE_PROBLEMS));
    const wrong: string[] = [];
    for (const { name, problems } of features) {
      for (const [code, kind] of Object.entries(problems)) {
        if (kinds.has(code)) wrong.push(`${name} declares ${code}, which is declared already`);
        if (!CODE.test(code)) wrong.push(`${name} declares "${code}", which is no code`);
        if (!isClientError(kind.status)) wrong.push(`${name} declares ${code} as ${kind.status}`);
        kinds.set(code, kind);
      }
    }
    if (wrong.length > 0) throw new StartFailed(`The problems do not fit:\n${listed(wrong)}`);
    this.kinds = kinds;
    this.codes = [...kinds.keys()].sort(
      (a, b) => this.statusOf(a) - this.statusOf(b) || (a < b ? -1 : 1),
    );
  }

  has(code: string): boolean {
    return this.kinds.has(code);
  }

  statusOf(code: string): number {
    return this.kindOf(code).status;
  }

  /** The problem of a refusal; one with a code that nobody declared is an internal error. */
  of(refusal: Pick<Refusal, 'code' | 'detail' | 'details'>, instance: string): Problem {
    const code = this.has(refusal.code) ? refusal.code : 'internal_error';
    const { status, title } = this.kindOf(code);
    const { detail, details } = refusal;
    return { type: `/problems/${code}`, title, status, detail, instance, code, ...details };
  }

  /** Any error as a problem. What nobody foresaw is answered without a word of what it was. */
  ofError(error: unknown, instance: string): Problem {
    return this.of(refusalOf(error), instance);
  }

  private kindOf(code: string): ProblemKind {
    const kind = this.kinds.get(code);
    if (!kind) throw new Error(`No feature declares the problem ${code}`);
    return kind;
  }
}

/** What a feature refuses is never the server's fault. */
function isClientError(status: number): boolean {
  return Number.isInteger(status) && status >= 400 && status < 500;
}

function listed(lines: readonly string[]): string {
  return lines.map((line) => `  - ${line}`).join('\n');
}
