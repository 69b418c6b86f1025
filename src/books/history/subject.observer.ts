import type { EventObserver } from '../../engine/define/materializer';
import { isUuid } from '../../engine/define/reference';
import { HoldCaptured, HoldExpired, HoldPlaced, HoldVoided } from '../holds/hold.events';
import { TransactionPosted } from '../transactions/transaction.events';
import { subjectPositions } from './subject.table';

/** What a field that names one thing ends with, and one that names several. */
const ONE = 'Id';
const SEVERAL = 'Ids';
/** Fields whose names a client chose, which may look like ids. */
const CLIENTS = 'clientId';

/** A company's orders do not touch it, and may be many. */
const COMPANY = 'companyId';

/** The events that leave an entry for each account that they name: those of what holds reserve. */
const WITH_ENTRIES: ReadonlySet<string> = new Set(
  [HoldPlaced, HoldCaptured, HoldVoided, HoldExpired].map(({ type }) => type),
);

/**
 * Remembers what an event names, so that it is found by that. Postings are found by their entries,
 * and the accounts of holds by theirs: they are most events, and do not pay for it.
 */
export const subjectObserver: EventObserver = {
  name: 'subjects',
  version: 2,
  apply: ({ type, position, data }, { state }) => {
    if (type === TransactionPosted.type) return;
    for (const id of subjectsOf(type, data))
      state.append(subjectPositions, { subject_id: id, position });
  },
};

/**
 * The ids that the data of an event names, as far as no other table knows them: of fields that end
 * with `Id` and `Ids`, and of accounts in its lists, which are of postings.
 */
export function subjectsOf(type: string, data: object): Set<string> {
  const found = new Set<string>();
  const add = (value: unknown) => {
    if (typeof value === 'string' && isUuid(value)) found.add(value.toLowerCase());
  };
  for (const [name, value] of Object.entries(data) as [string, unknown][]) {
    if (name === CLIENTS || (name === COMPANY && !type.startsWith('Company'))) continue;
    if (name.endsWith(ONE)) add(value);
    else if (!Array.isArray(value)) continue;
    else if (name.endsWith(SEVERAL)) value.forEach(add);
    else if (!WITH_ENTRIES.has(type))
      for (const one of value as unknown[]) add((one as { accountId?: unknown } | null)?.accountId);
  }
  return found;
}
