import fc from 'fast-check';
import type { Random } from '../harness/seed';
import type { OpenApi } from './documented-client';

/** As much of a schema of OpenAPI as values are made from. */
export interface ValueSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly allOf?: readonly ValueSchema[];
  readonly oneOf?: readonly ValueSchema[];
  readonly pattern?: string;
  readonly format?: string;
  readonly example?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxLength?: number;
  readonly nullable?: boolean;
  readonly items?: ValueSchema;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly required?: readonly string[];
}

const MOST_ITEMS = 3;
/** What is not what the document asks for, most of the time. */
const ODD: readonly unknown[] = [
  ...[
    null,
    true,
    -1,
    1e15,
    '',
    ' ',
    'client:',
    '\u{1f600}'.repeat(300),
    [],
    [[]],
    {},
    '9'.repeat(60),
  ],
  ...['2026-02-30', '00000000-0000-4000-8000-000000000000', '-0', '1e3', '%00', '../..', 'null'],
];

/** What the ledger has given out. */
export interface Seen {
  /** Ids, and client ids as others refer to them. */
  readonly references: string[];
  readonly positions: string[];
  readonly cursors: string[];
}

/** Makes values as the document describes them, of what was seen before where that may fit. */
export class DocumentedValues {
  constructor(
    private readonly document: OpenApi,
    private readonly random: Random,
    private readonly seen: Seen,
  ) {}

  /** @param oddity how likely each part of it is something else */
  of(schema: ValueSchema, oddity: number): unknown {
    const { random } = this;
    if (random.chance(oddity)) return random.pick(ODD);
    if (schema.$ref !== undefined) return this.of(this.schemaOf(schema.$ref), oddity);
    if (schema.allOf) return this.of(schema.allOf[0]!, oddity);
    if (schema.oneOf) return this.of(random.pick(schema.oneOf), oddity);
    if (schema.nullable === true && random.chance(0.2)) return null;
    if (schema.enum) return random.pick(schema.enum);
    switch (schema.type) {
      case 'object':
        return this.object(schema, oddity);
      case 'array':
        return this.list(schema, oddity);
      case 'integer':
      case 'number':
        return (schema.minimum ?? 0) + random.below(Math.min(schema.maximum ?? 20, 20));
      case 'boolean':
        return random.chance(0.5);
      default:
        return this.text(schema);
    }
  }

  /** Something of a kind that was seen before, or now and then nothing that there is. */
  known(kind: keyof Seen): string {
    const { random } = this;
    const seen = this.seen[kind];
    return String(seen.length > 0 && random.chance(0.95) ? random.pick(seen) : random.pick(ODD));
  }

  private schemaOf(reference: string): ValueSchema {
    return this.document.components.schemas[reference.split('/').at(-1)!] as ValueSchema;
  }

  private object({ properties = {}, required = [] }: ValueSchema, oddity: number): object {
    const { random } = this;
    const names = Object.keys(properties).filter(
      (name) => (required.includes(name) && !random.chance(oddity)) || random.chance(0.3),
    );
    const parts = names.map((name) => [name, this.of(properties[name]!, oddity)] as const);
    if (random.chance(oddity)) parts.push(['unheardOf', 1]);
    return Object.fromEntries(parts);
  }

  private list({ items = {}, minItems = 0 }: ValueSchema, oddity: number): unknown[] {
    const length = minItems + this.random.below(MOST_ITEMS);
    return Array.from({ length }, () => this.of(items, oddity));
  }

  private text({ pattern, format, maxLength, example }: ValueSchema): string {
    const { random } = this;
    if (pattern?.includes('client:') && random.chance(0.9)) return this.known('references');
    if (typeof example === 'string' && random.chance(0.6)) return example;
    if (format === 'date') return `2026-01-${String(1 + random.below(28)).padStart(2, '0')}`;
    if (pattern === undefined) return 'x'.repeat(1 + random.below(Math.min(maxLength ?? 9, 9)));
    // fast-check makes nothing of what looks ahead: what it makes may be a bit off without that.
    const plain = withoutLookAhead(pattern);
    const arbitrary = fc.stringMatching(new RegExp(plain), { size: 'xsmall' });
    return fc.sample(arbitrary, { numRuns: 1, seed: random.below(2 ** 31) })[0]!;
  }
}

/** A pattern without its parts that look ahead or behind, with what is in their brackets. */
function withoutLookAhead(pattern: string): string {
  let plain = '';
  for (let at = 0; at < pattern.length;) {
    if (!/^\(\?<?[=!]/.test(pattern.slice(at))) {
      const length = pattern[at] === '\\' ? 2 : 1;
      plain += pattern.slice(at, at + length);
      at += length;
      continue;
    }
    let depth = 0;
    let isClass = false;
    do {
      const character = pattern[at];
      if (character === '\\') at++;
      else if (isClass) isClass = character !== ']';
      else if (character === '[') isClass = true;
      else if (character === '(') depth++;
      else if (character === ')') depth--;
      at++;
    } while (depth > 0);
  }
  return plain;
}
