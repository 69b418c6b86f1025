import { randomBytes } from 'node:crypto';
import type { WriterConnection } from '../../database/writer-connection';
import { ChainBroken, EventOfDoom } from '../../engine/catch-up/catch-up';
import { GENESIS } from '../../engine/define/event';
import type { StateHead } from '../../engine/write/heads';
import { codeVersion } from './code-version';
import { compareTable, differs, joined, type TableComparison } from './comparison';
import { readEventsAround } from './doom';
import { firstDivergences } from './first-divergence';
import { findLogProblems } from './log-findings';
import type { Rebuild, RebuildOptions } from './rebuild';
import { isOfChain, type Doom, type LogFinding, type RanOn, type RunReport } from './report';
import { digestOf, type Digest, type Side, type PositionSpan } from './table-digest';
import { shapesOf, type TableShape } from './table-shape';
import { errorMessage } from '../../database/errors';

/** Collects what a replay or a verification finds, and makes the report of it. */
export class RunRecord {
  readonly log: LogFinding[] = [];
  ranOn: RanOn | undefined;
  toPosition = 0;
  brokenAt: number | null = null;
  doom: Doom | null = null;
  private comparisons = new Map<string, TableComparison>();
  /** Digests that were asked for ahead, by table. */
  private readonly liveDigests = new Map<string, Promise<Digest>>();
  private shapes: TableShape[] | undefined;
  private readonly startedAt = new Date();
  private readonly startedMs = performance.now();
  private readonly seed = randomBytes(8).readBigInt64LE().toString();

  constructor(
    private readonly options: RebuildOptions,
    private readonly rebuild: Rebuild,
  ) {}

  /** Looks at both heads. @param state what the live state says of itself, read before this */
  async begin(state: StateHead): Promise<void> {
    const { logHead, findings } = await findLogProblems(this.rebuild.log, state.head);
    this.log.push(...findings);
    this.ranOn = {
      codeVersion: codeVersion(),
      materializersVersion: this.options.registry.materializersVersion,
      stateMaterializersVersion: state.materializersVersion,
      logHead,
      stateHead: state.head,
    };
  }

  /**
   * Has the live tables digested while the state is rebuilt, for a comparison of the same span:
   * a rebuild leaves a processor's time to spare. One that shares the machine with writers does
   * not.
   */
  async digestLive(live: Side, span: PositionSpan): Promise<void> {
    if (this.options.pace) return;
    this.shapes ??= await shapesOf(live.db, this.options.registry.tables);
    for (const shape of this.shapes) {
      const digest = digestOf(live, shape, span, this.seed);
      // Whoever compares hears of an error; where nobody comes to that, there was another one.
      digest.catch(() => undefined);
      this.liveDigests.set(shape.name, digest);
    }
  }

  /**
   * Compares every table of the live state with the rebuilt one; adds to earlier spans. The
   * rebuild is finished where a table differs.
   */
  async compare(live: Side, span: PositionSpan): Promise<void> {
    this.shapes ??= await shapesOf(live.db, this.options.registry.tables);
    const beforeRows = () => this.rebuild.finish();
    for (const shape of this.shapes) {
      this.options.signal?.throwIfAborted();
      const hints = { beforeRows, ofLive: this.liveDigests.get(shape.name) };
      this.liveDigests.delete(shape.name);
      const found = await compareTable(live, this.rebuild, shape, span, this.seed, hints);
      const before = this.comparisons.get(shape.name);
      this.comparisons.set(shape.name, before ? joined(before, found) : found);
    }
  }

  /** Finds the first diverging position of rows that were written more than once since. */
  async trace(): Promise<void> {
    const suspects = [...this.comparisons.values()].flatMap((c) => c.suspects);
    if (suspects.length === 0) return;
    const first = await firstDivergences(this.rebuild, suspects);
    for (const [name, comparison] of this.comparisons) {
      const known = comparison.report.firstDivergingPosition;
      const found = first.get(name);
      if (known === null || found === undefined) continue;
      const report = { ...comparison.report, firstDivergingPosition: Math.min(known, found) };
      this.comparisons.set(name, { report, suspects: [] });
    }
  }

  /** Takes an Event of Doom or a broken chain into the record. @throws anything else */
  async take(error: unknown): Promise<void> {
    if (error instanceof ChainBroken) {
      this.brokenAt = error.position;
      this.log.push({ kind: 'event_changed', position: error.position, detail: error.message });
    } else if (error instanceof EventOfDoom) {
      this.doom = await doomOf(error, this.rebuild.log);
    } else throw error;
  }

  /**
   * Computes again what events say that the books add up to, as far as the rebuild has come.
   * @param after only of events behind this position
   */
  async checkSeals(after = 0): Promise<void> {
    for (const check of this.options.registry.seals) {
      for (const broken of await check(this.rebuild.db, after)) {
        this.log.push({ kind: 'seal_broken', ...broken });
      }
    }
  }

  /** Whether an event says of the books what they do not add up to. */
  get isSealBroken(): boolean {
    return this.log.some(({ kind }) => kind === 'seal_broken');
  }

  /** Adds what does not fit together of the amended events, as far as the rebuild has come. */
  checkAmendments(): void {
    const { amended, head } = this.rebuild;
    const known = new Set(this.log.map(({ kind, position }) => `${kind} ${position}`));
    const found = amended.findings(head.position);
    this.log.push(...found.filter(({ kind, position }) => !known.has(`${kind} ${position}`)));
  }

  /** Whether a row of any table is not what history says. */
  get isDifferent(): boolean {
    return [...this.comparisons.values()].some(({ report }) => differs(report));
  }

  /** Whether the log is not the one that the state was built from, or not whole. */
  get isLogWrong(): boolean {
    return this.log.some(isOfChain);
  }

  report(): RunReport {
    const { processed } = this.rebuild;
    const seconds = (performance.now() - this.startedMs) / 1000;
    const wrong = this.log.filter(isOfChain);
    const brokenAt = wrong.length > 0 ? Math.min(...wrong.map((f) => f.position)) : null;
    return {
      toPosition: this.toPosition,
      processed,
      eventsPerSecond: Math.round(processed / seconds),
      rebuildMs: Math.round(this.rebuild.spentMs),
      startedAt: this.startedAt.toISOString(),
      finishedAt: new Date().toISOString(),
      chain: { ok: brokenAt === null, brokenAt },
      log: this.log,
      tables: [...this.comparisons.values()].map(({ report }) => report),
      tasks: this.rebuild.tasks.report(),
      doom: this.doom,
      ranOn: this.ranOn ?? this.nothing(),
      peakMib: Math.round(process.resourceUsage().maxRSS / 1024),
    };
  }

  private nothing(): RanOn {
    const { materializersVersion } = this.options.registry;
    return {
      codeVersion: codeVersion(),
      materializersVersion,
      stateMaterializersVersion: null,
      logHead: GENESIS,
      stateHead: GENESIS,
    };
  }
}

async function doomOf(doom: EventOfDoom, log: WriterConnection): Promise<Doom> {
  const { position, eventId, type, cause } = doom;
  const error = errorMessage(cause);
  return { position, eventId, type, error, neighbours: await readEventsAround(log, position) };
}
