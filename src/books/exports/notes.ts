import type { DeclaredAccount, JournalHead, JournalOf } from './journal-format';

/** What a journal says of an account or a transaction besides what its program asks for. */
export interface Notes {
  /** By name; what is null is not said. */
  readonly own: Readonly<Record<string, string | null>>;
  /** What the client gave it. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The names of {@link Notes.own}, which no metadata may take. */
export const OWN_NOTES = [
  ...(['id', 'clientId', 'recordedAt', 'reverses', 'source', 'holdId'] as const),
  ...(['group', 'name', 'description', 'code', 'position', 'effectiveDate', 'metadata'] as const),
];

export function accountNotes({ id, clientId, group, metadata }: DeclaredAccount): Notes {
  return { own: { id, clientId, group }, metadata };
}

export function transactionNotes({ event }: JournalHead): Notes {
  if (!event) return { own: {}, metadata: {} };
  const { id, clientId, recordedAt, reverses, source, holdId, metadata } = event;
  return { own: { id, clientId, recordedAt, reverses, source, holdId }, metadata };
}

/** Metadata, divided into what a format has a note of its own for and what it has not. */
export function divided(
  { metadata }: Notes,
  isPlain: (key: string, value: string) => boolean,
): { plain: [string, string][]; other: [string, string][] } {
  const isOwn = (key: string) => (OWN_NOTES as readonly string[]).includes(key);
  const { plain = [], other = [] } = Object.groupBy(Object.entries(metadata), ([key, value]) =>
    !isOwn(key) && isPlain(key, value) ? 'plain' : 'other',
  );
  return { plain, other };
}

/** Of what a journal is, for its first and its last line. */
export function spanOf({ from, to, position }: JournalOf): string {
  const days = [from && `from ${from}`, to && `to ${to}`].filter((text) => text !== undefined);
  return [...days, `as known at position ${position}`].join(' ');
}
