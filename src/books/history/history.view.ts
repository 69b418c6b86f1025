import type { LedgerEvent } from '../../engine/define/event';
import type { FieldChangeDto, HistoryEventDto } from './history.dto';

/** Which event last changed something is what the event itself says. */
const OF_EVENT = 'position';

/** Something as its own view shows it; undefined before it was there. */
export type Shown = object | undefined;

/** An event with what it changed of something. */
export function historyEventView(event: LedgerEvent, before: Shown, after: Shown): HistoryEventDto {
  const { position, eventId, type, recordedAt, actor } = event;
  return { position, eventId, type, recordedAt, actor, changes: changesOf(before, after) };
}

/** The fields in which two views differ, in the order of the second. */
export function changesOf(before: Shown, after: Shown): FieldChangeDto[] {
  const [was, is] = [before ?? {}, after ?? {}] as Record<string, unknown>[];
  return Object.keys({ ...is, ...was }).flatMap((field) => {
    const change = { field, before: was![field] ?? null, after: is![field] ?? null };
    const isSame = JSON.stringify(change.before) === JSON.stringify(change.after);
    return isSame || field === OF_EVENT ? [] : [change];
  });
}
