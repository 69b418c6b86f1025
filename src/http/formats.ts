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
  for (const type of acceptedTypes(accept ?? '')) {
    if (type === '*/*') return 'json';
    const found = known.find((name) => MEDIA_TYPES[name] === type);
    if (found) return found;
  }
  return 'json';
}

/** The media types that a caller accepts, those with the highest weight first. */
function acceptedTypes(accept: string): string[] {
  const parts = accept.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((one) => one.trim().toLowerCase());
    const weight = parameters.find((one) => one.startsWith('q='))?.slice(2);
    return { type, weight: weight === undefined ? 1 : Number(weight) || 0 };
  });
  const accepted = parts.filter(({ weight }) => weight > 0);
  return accepted.sort((a, b) => b.weight - a.weight).map(({ type }) => type);
}

/** Whether an answer is to be CSV. */
export function wantsCsv(format: 'json' | 'csv' | undefined, accept: string | undefined): boolean {
  return formatOf(['csv'], format, accept) === 'csv';
}
