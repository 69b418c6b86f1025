import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import type { Order } from '../../engine/session/page-rows';

/** What callers look for events by, each a reference. */
export interface SubjectFilter {
  /** Where given, events of other types may be left out. */
  readonly types?: readonly string[] | undefined;
  readonly accountId?: string | undefined;
  readonly transactionId?: string | undefined;
}

/** Events of a list: positions, both included, as far as the state has come, and which way. */
export interface EventRange {
  readonly least: number;
  readonly most: number;
  readonly order: Order;
}

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
}
