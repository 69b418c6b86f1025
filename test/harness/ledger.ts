import type { EngineLimits } from '../../src/engine/write/ledger-parts';
import type { DatabaseUrls } from '../../src/database/connections';
import type { Command, Creator, Outcome } from '../../src/engine/define/creator';
import type { Clock } from '../../src/engine/define/ids';
import type { EngineLog } from '../../src/engine/write/ledger-parts';
import type { ReadLimits } from '../../src/engine/open-readers';
import { openLedger, type OpenLedger } from '../../src/engine/open-ledger';
import type { Refusal } from '../../src/engine/define/refusal';
import type { Feature } from '../../src/engine/define/feature';
import { features as allFeatures } from '../../src/features';
import { cloneDatabases, type TestDatabases } from './databases';

export const TEST_LIMITS: EngineLimits = {
  queueLimit: 10_000,
  batchLimit: 256,
  batchBytesLimit: 4 * 1024 * 1024,
  commandBytesLimit: 128 * 1024 * 1024,
  lockTimeoutMs: 5_000,
  statementTimeoutMs: 10_000,
  recoveryTimeoutMs: 15_000,
};

/** What the engine said, for specs that ask. */
export interface LoggedLine {
  readonly level: 'warn' | 'error';
  readonly details: object;
  readonly message: string;
}

/** Keeps lines instead of printing them. */
export class RecordedLog implements EngineLog {
  readonly lines: LoggedLine[] = [];

  warn(details: object, message: string): void {
    this.lines.push({ level: 'warn', details, message });
  }

  error(details: object, message: string): void {
    this.lines.push({ level: 'error', details, message });
  }
}

export interface TestLedgerOptions {
  /** Default: those of the program. */
  readonly features?: readonly Feature[];
  readonly limits?: Partial<EngineLimits>;
  readonly reads?: Partial<ReadLimits>;
  readonly clock?: Clock;
  readonly timeZone?: string;
  /** Default: a pair of databases of its own. */
  readonly databases?: TestDatabases;
  /** Where the ledger finds the databases, when not directly; for proxies between. */
  readonly urls?: DatabaseUrls;
}

export type CommandOptions = Partial<Omit<Command, 'creator' | 'input'>>;

/** A ledger on a pair of databases, with short ways to give it commands. */
export class TestLedger {
  constructor(
    readonly databases: TestDatabases,
    readonly log: RecordedLog,
    private readonly options: TestLedgerOptions,
    private current: OpenLedger | undefined,
  ) {}

  get open(): OpenLedger {
    if (!this.current) throw new Error('The ledger is closed');
    return this.current;
  }

  submit<Input, Answer>(
    creator: Creator<Input, Answer>,
    input: Input,
    options: CommandOptions = {},
  ): Promise<Outcome<Answer>> {
    return this.open.ledger.submit({ creator, input, actor: 'tester', ...options });
  }

  /** The answer of a command that must be accepted. */
  async accept<Input, Answer>(
    creator: Creator<Input, Answer>,
    input: Input,
    options: CommandOptions = {},
  ): Promise<Answer> {
    const outcome = await this.submit(creator, input, options);
    if (outcome.kind === 'accepted') return outcome.answer;
    throw new Error(`${creator.name} was refused: ${outcome.refusal.code}`, {
      cause: outcome.refusal,
    });
  }

  /** The refusal of a command that must be refused. */
  async refuse<Input, Answer>(
    creator: Creator<Input, Answer>,
    input: Input,
    options: CommandOptions = {},
  ): Promise<Refusal> {
    const outcome = await this.submit(creator, input, options);
    if (outcome.kind === 'refused') return outcome.refusal;
    throw new Error(`${creator.name} was accepted: ${JSON.stringify(outcome.answer)}`);
  }

  /** Closes the ledger and opens it again, as a restart of the service does. */
  async restart(): Promise<void> {
    await this.close();
    this.current = await openLedgerOf(this.databases, this.log, this.options);
  }

  async close(): Promise<void> {
    const open = this.current;
    this.current = undefined;
    await open?.close();
  }
}

/** Opens a ledger, on databases of its own unless some are given; closed after the test. */
export async function startTestLedger(options: TestLedgerOptions = {}): Promise<TestLedger> {
  const databases = options.databases ?? (await cloneDatabases());
  const log = new RecordedLog();
  if (options.features) databases.features = options.features;
  const open = await openLedgerOf(databases, log, options);
  const ledger = new TestLedger(databases, log, options, open);
  databases.onEnd(() => ledger.close());
  return ledger;
}

function openLedgerOf(
  databases: TestDatabases,
  log: RecordedLog,
  options: TestLedgerOptions,
): Promise<OpenLedger> {
  return openLedger({
    urls: options.urls ?? databases.serviceUrls,
    features: options.features ?? allFeatures,
    limits: { ...TEST_LIMITS, ...options.limits },
    reads: { cheap: 2, ...options.reads },
    log,
    ...(options.clock && { clock: options.clock }),
    ...(options.timeZone && { timeZone: options.timeZone }),
  });
}
