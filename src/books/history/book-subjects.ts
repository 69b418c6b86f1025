import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { EventSubjects, type EventRange } from '../../outside/events/event-subject.queries';
import type { SubjectFilter, Subjects, Touched } from '../../outside/events/event-subject.queries';
import { TransactionPosted } from '../transactions/transaction.events';
import { idsOf, positionsOf, touchedBy, type Subject } from './subject.queries';

/** Finds events by the accounts and transactions that they touched. */
export class BookSubjects extends EventSubjects {
  override readonly knownType = TransactionPosted.type;

  override async findKnown(
    db: Kysely<StateDatabase>,
    { least, most, order }: EventRange,
    limit: number,
  ): Promise<number[]> {
    const rows = await db
      .selectFrom('transactions')
      .select('position')
      .where('position', '>=', least)
      .where('position', '<=', most)
      .orderBy('position', order)
      .limit(limit)
      .execute();
    return rows.map((row) => row.position);
  }

  override find(
    db: Kysely<StateDatabase>,
    filter: SubjectFilter,
    range: EventRange,
    limit: number,
  ): Promise<number[]> {
    const [first, ...others] = this.namedBy(filter);
    if (!first) return Promise.resolve([]);
    return positionsOf(db, [first, ...others], range, limit);
  }

  override idsOf(
    db: Kysely<StateDatabase>,
    subjects: Subjects,
  ): Promise<readonly string[] | undefined> {
    return idsOf(db, this.namedBy(subjects));
  }

  override touchedBy(db: Kysely<StateDatabase>, after: number, upTo: number): Promise<Touched> {
    return touchedBy(db, after, upTo);
  }

  /** A transaction has few events, and comes first. */
  private namedBy({ accountId, transactionId, types }: SubjectFilter): Subject[] {
    const subjects: Subject[] = [];
    if (transactionId !== undefined) {
      subjects.push({ kind: 'transaction', reference: transactionId });
    }
    if (accountId !== undefined) {
      const only = types && this.onlyOf(types);
      subjects.push({ kind: 'account', reference: accountId, only });
    }
    return subjects;
  }

  private onlyOf(types: readonly string[]): Subject['only'] {
    if (!types.includes(this.knownType)) return 'others';
    return types.length === 1 ? 'postings' : undefined;
  }
}
