/** What an answer can be, and the media type by which a caller accepts it. */
export const MEDIA_TYPES = {
  json: 'application/json',
  csv: 'text/csv',
  pdf: 'application/pdf',
} as const;
export type AnswerFormat = keyof typeof MEDIA_TYPES;

/**
 * What an answer is to be: what the query says, or else what the caller accepts first of what there
 * is; JSON where that is nothing.
 * @param offered what there is besides JSON
 */
export function formatOf<Offered extends AnswerFormat>(
  offered: readonly Offered[],
  format: Offered | 'json' | undefined,
  accept: string | undefined,
): Offered | 'json' {
  if (format !== undefined) return format;
  const known = ['json', ...offered] as const;
  for (const part of (accept ?? '').split(',')) {
    const type = part.split(';', 1)[0]!.trim();
    if (type === '*/*') return 'json';
    const found = known.find((name) => MEDIA_TYPES[name] === type);
    if (found) return found;
  }
  return 'json';
}

/** Whether an answer is to be CSV. */
export function wantsCsv(format: 'json' | 'csv' | undefined, accept: string | undefined): boolean {
  return formatOf(['csv'], format, accept) === 'csv';
}
