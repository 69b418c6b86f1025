import type { Kysely } from 'kysely';
import type { LogDatabase } from '../../engine/write/event-log';
import type { LogFinding } from '../replay/report';
import { positionNamedAfter, readHashes, readHead } from './log-hashes';
import type { NamedCheckpoint } from './read-checkpoints';

/** Checkpoints that are looked up in the log by one query. */
const CHUNK = 1_000;

/** How checkpoints compare with the log. */
export interface LogComparison {
  readonly findings: LogFinding[];
  /** Checkpoints that the log agrees with. */
  readonly agreed: number;
  /** The latest position among them. */
  readonly newestAgreed: NamedCheckpoint | undefined;
}

/**
 * Compares checkpoints, in any order, with the hashes that the log has at their positions, and says
 * what became of the log: cut short at its end, restored from an older copy, or rewritten. Memory
 * is constant and each checkpoint costs a look into an index; the chain between them is for
 * verification to walk.
 * @param log no transaction with a snapshot that is older than the checkpoints
 */
export async function compareWithLog(
  checkpoints: Iterable<NamedCheckpoint> | AsyncIterable<NamedCheckpoint>,
  log: Kysely<LogDatabase>,
): Promise<LogComparison> {
  const comparison = new Comparison(log);
  let chunk: NamedCheckpoint[] = [];
  for await (const named of checkpoints) {
    chunk.push(named);
    if (chunk.length < CHUNK) continue;
    await comparison.add(chunk);
    chunk = [];
  }
  await comparison.add(chunk);
  return comparison.result();
}

/** The checkpoints of one kind: how many, and the one that says most. */
class Group {
  count = 0;
  chosen: NamedCheckpoint | undefined;

  constructor(private readonly choose: 'first' | 'last') {}

  add(named: NamedCheckpoint): void {
    this.count++;
    const sign = this.choose === 'first' ? -1 : 1;
    const chosen = this.chosen?.checkpoint.position;
    if (chosen !== undefined && sign * (named.checkpoint.position - chosen) <= 0) return;
    this.chosen = named;
  }
}

class Comparison {
  private readonly agreed = new Group('last');
  private readonly differing = new Group('first');
  private readonly beyond = new Group('last');
  /** Where the log ended when checkpoints beyond its end were met. */
  private end = 0;

  constructor(private readonly log: Kysely<LogDatabase>) {}

  async add(chunk: readonly NamedCheckpoint[]): Promise<void> {
    const positions = chunk.map(({ checkpoint }) => checkpoint.position);
    const hashes = await readHashes(this.log, positions);
    if (positions.some((position) => !hashes.has(position))) {
      this.end = (await readHead(this.log)).position;
    }
    for (const named of chunk) {
      const { position, hash } = named.checkpoint;
      const found = hashes.get(position);
      if (found === hash) this.agreed.add(named);
      else if (found === undefined && position > this.end) this.beyond.add(named);
      else this.differing.add(named);
    }
  }

  async result(): Promise<LogComparison> {
    const findings = [this.rewritten(), await this.ended()].filter((f) => f !== undefined);
    const { count: agreed, chosen: newestAgreed } = this.agreed;
    return { findings, agreed, newestAgreed };
  }

  private rewritten(): LogFinding | undefined {
    const { chosen } = this.differing;
    if (!chosen) return undefined;
    const { position } = chosen.checkpoint;
    const last = this.agreed.chosen?.checkpoint.position ?? 0;
    const since = last < position ? ` It still is what it was up to position ${last}.` : '';
    const detail =
      `At position ${position} the log is not what ${this.nameOf(this.differing)} says: it was ` +
      `rewritten, or restored from an older copy and written on.${since}`;
    return { kind: 'log_rewritten', position, detail };
  }

  /** A copy of an older database is whole in itself; whoever removes events forgets the rest. */
  private async ended(): Promise<LogFinding | undefined> {
    if (!this.beyond.chosen) return undefined;
    const shown = this.nameOf(this.beyond);
    const detail = `The log ends at position ${this.end}, before what ${shown} says`;
    const named = await positionNamedAfter(this.log, this.end);
    const position = this.end + 1;
    if (named === undefined) {
      const why = 'nothing beside it names a later position: it is an older copy of the log.';
      return { kind: 'log_restored', position, detail: `${detail}, and ${why}` };
    }
    const why = `position ${named} is named beside it: events were removed from its end.`;
    return { kind: 'log_cut_short', position, detail: `${detail}, while ${why}` };
  }

  private nameOf({ chosen, count }: Group): string {
    const { name, checkpoint } = chosen!;
    const more = count === 2 ? 'another does' : `${count - 1} others do`;
    const others = count === 1 ? '' : `, as ${more},`;
    return `checkpoint ${name} (position ${checkpoint.position}, ${checkpoint.time})${others}`;
  }
}
