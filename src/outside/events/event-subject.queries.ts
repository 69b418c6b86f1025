import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import type { Order } from '../../engine/session/page-rows';

/** What events are looked for by, each a reference. */
export interface Subjects {
  readonly accountId?: string | undefined;
  readonly transactionId?: string | undefined;
}

/** What callers look for events by. */
export interface SubjectFilter extends Subjects {
  /** Where given, events of other types may be left out. */
  readonly types?: readonly string[] | undefined;
}

/** Events of a list: positions, both included, as far as the state has come, and which way. */
export interface EventRange {
  readonly least: number;
  readonly most: number;
  readonly order: Order;
}

/** What some events touched: the ids of accounts and transactions, by the events' positions. */
export type Touched = ReadonlyMap<number, ReadonlySet<string>>;

/** Knows which events touched what; the books do. */
export abstract class EventSubjects {
  /** The type of events that the log has no index of, since the books know where they are. */
  abstract readonly knownType: string;

  /** @returns positions of the first events of that type in order, so many */
  abstract findKnown(
    db: Kysely<StateDatabase>,
    range: EventRange,
    limit: number,
  ): Promise<number[]>;

  /** @returns positions of the first of them in order, so many; of what is not there none */
  abstract find(
    db: Kysely<StateDatabase>,
    filter: SubjectFilter,
    range: EventRange,
    limit: number,
  ): Promise<number[]>;

  /** The id of each thing that is named; undefined where one is not there. One query. */
  abstract idsOf(
    db: Kysely<StateDatabase>,
    subjects: Subjects,
  ): Promise<readonly string[] | undefined>;

  /** What the events behind one position until another touched: what {@link find} goes by. */
  abstract touchedBy(db: Kysely<StateDatabase>, after: number, upTo: number): Promise<Touched>;
}
