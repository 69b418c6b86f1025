import { createHash, type Hash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { anyOf, given, rowsOf } from '../../database/arrays';
import type { Command } from '../define/creator';
import type { LogDatabase } from './event-log';
import { canonicalJson } from './hash-chain';
import type { Outcome } from '../define/creator';
import { Refusal, type RefusalDetails } from '../define/refusal';

/** What the ledger remembers of a command under its idempotency key. */
export interface RememberedCommand {
  readonly commandId: string;
  readonly creator: string;
  /** Lower-case hex. */
  readonly fingerprint: string;
  readonly outcome: 'accepted' | 'refused';
  readonly firstPosition: number | null;
  readonly lastPosition: number;
  /** The refusal, or the answer where it cannot be derived from the command's events. */
  readonly response: object | null;
  /** Whether there is a response that was too large to be read with the key. */
  readonly isLarge: boolean;
}

/** Bytes of a response, as it is stored, which is read with its key: a batch asks for many. */
const RESPONSE_BYTES = 8 * 1024;

/** A refusal as the command log keeps it. */
interface StoredRefusal {
  code: string;
  detail: string;
  details: RefusalDetails;
}

/** An answer of any JSON type, as the command log keeps it. */
interface StoredAnswer {
  answer: unknown;
}

/** Elements of lists of an input that are hashed without letting others in. */
const ELEMENTS_PER_SLICE = 64;

/**
 * Same creator and same input (key order aside) have the same fingerprint: SHA-256, hex, of the
 * canonical JSON of `{creator, input}`. Others have their turns where the input has long lists.
 */
export async function fingerprintOf(creator: string, input: unknown): Promise<string> {
  const hash = createHash('sha256');
  const isLong = (value: unknown) => Array.isArray(value) && value.length > ELEMENTS_PER_SLICE;
  if (typeof input !== 'object' || input === null || !Object.values(input).some(isLong)) {
    return hash.update(canonicalJson({ creator, input })).digest('hex');
  }
  hash.update(`{"creator":${JSON.stringify(creator)},"input":`);
  let before = '{';
  for (const [key, value] of Object.entries(input).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (value === undefined) continue;
    hash.update(`${before}${JSON.stringify(key)}:`);
    before = ',';
    if (isLong(value)) await updateInSlices(hash, value as unknown[]);
    else hash.update(canonicalJson(value));
  }
  return hash.update('}}').digest('hex');
}

async function updateInSlices(hash: Hash, list: readonly unknown[]): Promise<void> {
  for (let from = 0; from < list.length; from += ELEMENTS_PER_SLICE) {
    const slice = list.slice(from, from + ELEMENTS_PER_SLICE).map(canonicalJson);
    hash.update(`${from === 0 ? '[' : ','}${slice.join(',')}`);
    await new Promise(setImmediate);
  }
  hash.update(']');
}

/** @throws Refusal `idempotency_key_reused` where the key belongs to another request */
export async function checkSameRequest(
  fingerprint: string | null,
  name: string,
  input: unknown,
  idempotencyKey: string,
): Promise<void> {
  if (fingerprint === (await fingerprintOf(name, input))) return;
  throw keyReused(idempotencyKey);
}

/** The refusal of a request whose key belongs to another one. */
export function keyReused(idempotencyKey: string): Refusal {
  return new Refusal(
    'idempotency_key_reused',
    `The idempotency key "${idempotencyKey}" was used for another request`,
  );
}

/** Keys are scoped by caller. NUL occurs in neither part. */
export function scopedKey(actor: string, idempotencyKey: string): string {
  return `${actor}\0${idempotencyKey}`;
}

export function refusalResponse({ code, detail, details }: Refusal): StoredRefusal {
  return { code, detail, details };
}

export function answerResponse(answer: unknown): StoredAnswer {
  return { answer };
}

/** What the command log keeps of the answer; nothing where nobody can ask for it again. */
export function responseOf(command: Command, outcome: Outcome): object | null {
  if (outcome.kind === 'refused') return refusalResponse(outcome.refusal);
  if (command.creator.answer || command.idempotencyKey === undefined) return null;
  return answerResponse(outcome.answer);
}

/** Looks idempotency keys up; the result is by {@link scopedKey}. */
export async function findRemembered(
  db: Kysely<LogDatabase>,
  commands: readonly { actor: string; idempotencyKey: string }[],
): Promise<Map<string, RememberedCommand>> {
  const wanted = rowsOf('w', {
    actor: given(
      'text',
      commands.map((c) => c.actor),
    ),
    key: given(
      'text',
      commands.map((c) => c.idempotencyKey),
    ),
  });
  const rows = await db
    .selectFrom('command_log')
    .innerJoin(wanted, (join) =>
      join
        .onRef('w.actor', '=', 'command_log.actor')
        .onRef('w.key', '=', 'command_log.idempotency_key'),
    )
    .select(['command_id', 'command_log.actor', 'idempotency_key', 'creator', 'fingerprint'])
    .select(['outcome', 'first_position', 'last_position'])
    .select((eb) => {
      const bytes = eb.fn<number>('pg_column_size', ['response']);
      const small = eb.case().when(bytes, '<=', RESPONSE_BYTES).then(eb.ref('response')).end();
      return [small.as('response'), eb(bytes, '>', RESPONSE_BYTES).as('is_large')];
    })
    .execute();
  return new Map(
    rows.map((row) => [
      scopedKey(row.actor, row.idempotency_key!),
      {
        commandId: row.command_id,
        creator: row.creator,
        fingerprint: row.fingerprint!.toString('hex'),
        outcome: row.outcome,
        firstPosition: row.first_position,
        lastPosition: row.last_position,
        response: row.response,
        isLarge: row.is_large === true,
      },
    ]),
  );
}

/** The same command with its response, however large that is. */
export async function withResponse(
  db: Kysely<LogDatabase>,
  command: RememberedCommand,
): Promise<RememberedCommand> {
  if (!command.isLarge) return command;
  const { response } = await db
    .selectFrom('command_log')
    .select('response')
    .where('command_id', '=', command.commandId)
    .executeTakeFirstOrThrow();
  return { ...command, response, isLarge: false };
}

/** Which of these commands the log has; under the log's lock, absent means never. */
export async function committedCommandIds(
  db: Kysely<LogDatabase>,
  ids: readonly string[],
): Promise<Set<string>> {
  const rows = await db
    .selectFrom('command_log')
    .select('command_id')
    .where('command_id', '=', anyOf('uuid', ids))
    .execute();
  return new Set(rows.map((row) => row.command_id));
}

/** The outcome as it was stored; undefined where the answer is derived from the events. */
export function storedOutcome(remembered: RememberedCommand): Outcome | undefined {
  const { outcome, response, lastPosition: position } = remembered;
  if (outcome === 'refused') {
    const { code, detail, details } = response as StoredRefusal;
    const refusal = new Refusal(code, detail, details);
    return { kind: 'refused', refusal, position, isHit: true };
  }
  if (response === null) return undefined;
  return { kind: 'accepted', answer: (response as StoredAnswer).answer, position, isHit: true };
}
