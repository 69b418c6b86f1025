import { uuidV7, type Clock } from '../../src/engine/define/ids';
import { query } from './cluster';
import type { TestDatabases } from './databases';

/**
 * The databases' own words for the time, and whether a statement sees one value of it. Theirs are
 * put out of the way, since a session looks for a function in the catalog first.
 */
const WORDS = { now: 'stable', clock_timestamp: 'volatile' } as const;

const SIMULATED = [
  'create schema simulated',
  'create table simulated.present (at timestamptz not null)',
  'insert into simulated.present values (pg_catalog.now())',
  'grant usage on schema simulated to public',
  'grant select on simulated.present to public',
  ...Object.entries(WORDS).flatMap(([word, volatility]) => [
    `alter function pg_catalog.${word}() rename to real_${word}`,
    `create function pg_catalog.${word}() returns timestamptz language sql ${volatility}
     as 'select at from simulated.present'`,
  ]),
];

/**
 * Time that a spec moves, over days and months: that of both database servers, and of every process
 * that has one of its clocks. It stands still meanwhile. Whatever compares clocks is in force.
 */
export class SimulatedTime {
  private passedMs = 0;

  private constructor(
    private readonly databases: TestDatabases,
    private ms: number,
  ) {}

  /** Has a pair of databases, before anything is opened on it, tell a time of the spec's own. */
  static async begin(databases: TestDatabases, at: string): Promise<SimulatedTime> {
    const time = new SimulatedTime(databases, Date.parse(at));
    for (const statement of SIMULATED) await time.tell(statement);
    await time.set(0);
    return time;
  }

  /** What the servers' clocks say, milliseconds since 1970. */
  get now(): number {
    return this.ms;
  }

  get iso(): string {
    return new Date(this.ms).toISOString();
  }

  /** Milliseconds since it began, which no clock's hands can change. */
  get passed(): number {
    return this.passedMs;
  }

  /** Goes on until a time; where that has been, nowhere. */
  async goTo(ms: number): Promise<void> {
    if (ms <= this.ms) return;
    this.passedMs += ms - this.ms;
    await this.set(ms - this.ms);
  }

  /** Somebody sets all clocks, of servers and processes, forward or back. */
  async set(byMs: number): Promise<void> {
    this.ms += byMs;
    await this.tell(`update simulated.present set at = '${this.iso}'`);
  }

  private async tell(statement: string): Promise<void> {
    const { log, state } = this.databases.superUrls;
    await Promise.all([query(log, statement), query(state, statement)]);
  }
}

/** The clock of one process, which may be wrong by some of the time. */
export class SimulatedClock implements Clock {
  /** Milliseconds that it is ahead of the servers'. */
  ahead = 0;

  constructor(private readonly time: SimulatedTime) {}

  now(): number {
    return this.time.now + this.ahead;
  }

  monotonic(): number {
    return this.time.passed;
  }

  newId(): string {
    return uuidV7(this.now());
  }
}
