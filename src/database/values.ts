import { types, type CustomTypesConfig } from 'pg';

/**
 * How PostgreSQL's values become JavaScript's, the same on every connection: positions (int8) are
 * numbers, money (numeric) is bigint minor units, dates stay `YYYY-MM-DD`, times are RFC 3339 in
 * UTC with milliseconds. pg's own defaults give strings and local midnights instead. Errors say
 * nothing of the value, which is of a row: they are logged.
 */
const parsers: Record<number, (text: string) => unknown> = {
  [types.builtins.INT8]: parsePosition,
  1016: (text) => (text === '{}' ? [] : text.slice(1, -1).split(',').map(parsePosition)),
  [types.builtins.NUMERIC]: parseMinor,
  [types.builtins.DATE]: (text) => text,
  [types.builtins.TIMESTAMPTZ]: parseTimestamp,
};

/** @throws RangeError above 2^53, where a JavaScript number would lose digits. */
function parsePosition(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('A bigint is out of range');
  return value;
}

/** @throws RangeError where it is no whole number. */
function parseMinor(text: string): bigint {
  if (!/^-?\d+$/.test(text)) throw new RangeError('A numeric is no whole number');
  return BigInt(text);
}

/** `2026-01-31 10:00:00.5+00` (ISO DateStyle, TimeZone UTC) to `2026-01-31T10:00:00.500Z`. */
function parseTimestamp(text: string): string {
  if (!text.endsWith('+00')) throw new RangeError('A time is not in UTC');
  return new Date(`${text.replace(' ', 'T').slice(0, -3)}Z`).toISOString();
}

export const valueTypes: CustomTypesConfig = {
  getTypeParser: (oid: number, format: 'text' | 'binary' = 'text') => {
    const standard = types.getTypeParser(oid, format) as (text: string) => unknown;
    return format === 'binary' ? standard : (parsers[oid] ?? standard);
  },
};
