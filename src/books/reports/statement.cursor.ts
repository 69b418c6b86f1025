import { isCalendarDate } from '../../money/calendar-date';
import { noCursor } from '../../http/page';
import type { StatementPlace } from './statement.queries';

/** The place of an entry as numbers, which is what keys of cursors are made of. */
export type PlaceKey = readonly [day: number, position: number, ordinal: number, isLate: number];

/** What the column of ordinals can have. */
const MAX_ORDINAL = 2 ** 31 - 1;

export function placeKey({ date, position, ordinal, isLate }: StatementPlace): PlaceKey {
  return [Number(date.replaceAll('-', '')), position, ordinal, isLate ? 1 : 0];
}

/** @throws Refusal `validation_failed` for what no statement wrote */
export function placeOfKey([day, position, ordinal, late]: PlaceKey): StatementPlace {
  const digits = String(day).padStart(8, '0');
  const date = `${digits.slice(0, -4)}-${digits.slice(-4, -2)}-${digits.slice(-2)}`;
  if (!isCalendarDate(date) || ordinal > MAX_ORDINAL || late > 1) {
    throw noCursor();
  }
  return { date, position, ordinal, isLate: late === 1 };
}
