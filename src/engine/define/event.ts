/**
 * Turns data of one version into that of the next; pure. What the data alone does not say it finds
 * in the event as it was stored: the id of its command, say.
 */
export type Upcaster = (data: object, stored: LedgerEvent) => object;

/** What an event type is: its name (past tense), current version, and how older versions read. */
export interface EventType<Data extends object = object> {
  readonly type: string;
  readonly version: number;
  /** From a stored version to the next one: `upcasters[1]` turns version 1 into version 2. */
  readonly upcasters: Readonly<Record<number, Upcaster>>;
  /** Carries the type of the data to creators and materializers; never set. */
  readonly data?: Data;
}

/** An immutable fact of the event log, as materializers and readers see it: always upcast. */
export interface LedgerEvent<Data extends object = object> {
  /** Place in the log's total order: 1, 2, 3 … without gaps. */
  readonly position: number;
  readonly eventId: string;
  readonly type: string;
  readonly version: number;
  readonly data: Data;
  readonly commandId: string;
  /** RFC 3339 UTC; when it happened in the world. */
  readonly occurredAt: string;
  /** RFC 3339 UTC; when the ledger recorded it. */
  readonly recordedAt: string;
  readonly actor: string;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  /** Lower-case hex of SHA-256 over the previous hash and this event. */
  readonly hash: string;
}

/** The last event of the log, or of what the state contains. */
export interface Head {
  readonly position: number;
  readonly hash: string;
}

/** The head of an empty log. */
export const GENESIS: Head = { position: 0, hash: '0'.repeat(64) };

export function sameHead(a: Head, b: Head): boolean {
  return a.position === b.position && a.hash === b.hash;
}

/** Declares an event type. `upcasters` has one entry for every version before `version`. */
export function defineEvent<Data extends object>(
  type: string,
  version = 1,
  upcasters: EventType['upcasters'] = {},
): EventType<Data> {
  return { type, version, upcasters };
}

/**
 * The data of a stored event in the current version of its type; used on every read path.
 * @throws Error where a step is missing, which the start-up check rules out for known versions.
 */
export function upcast(type: EventType, stored: LedgerEvent): object {
  const { version } = stored;
  let current = stored.data;
  for (let from = version; from < type.version; from++) {
    const step = type.upcasters[from];
    if (!step) throw new Error(`${type.type} has no upcaster from version ${from}`);
    current = step(current, stored);
  }
  if (version > type.version) {
    throw new Error(`${type.type} version ${version} is newer than this program`);
  }
  return current;
}
