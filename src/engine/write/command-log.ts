import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { anyOf, given, rowsOf } from '../../database/arrays';
import type { Command } from '../define/creator';
import type { LogDatabase } from './event-log';
import { canonicalJson } from './hash-chain';
import type { Outcome } from '../define/creator';
import { Refusal, type RefusalDetails } from '../define/refusal';

/** What the ledger remembers of a command under its idempotency key. */
export interface RememberedCommand {
  readonly creator: string;
  /** Lower-case hex. */
  readonly fingerprint: string;
  readonly outcome: 'accepted' | 'refused';
  readonly firstPosition: number | null;
  readonly lastPosition: number;
  /** The refusal, or the answer where it cannot be derived from the command's events. */
  readonly response: object | null;
}

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

/** Same creator and same input (key order aside) have the same fingerprint. SHA-256, hex. */
export function fingerprintOf(creator: string, input: unknown): string {
  const text = canonicalJson({ creator, input });
  return createHash('sha256').update(text).digest('hex');
}

/** @throws Refusal `idempotency_key_reused` where the key belongs to another request */
export function checkSameRequest(
  fingerprint: string | null,
  name: string,
  input: unknown,
  idempotencyKey: string,
): void {
  if (fingerprint === fingerprintOf(name, input)) return;
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
    .selectAll('command_log')
    .execute();
  return new Map(
    rows.map((row) => [
      scopedKey(row.actor, row.idempotency_key!),
      {
        creator: row.creator,
        fingerprint: row.fingerprint!.toString('hex'),
        outcome: row.outcome,
        firstPosition: row.first_position,
        lastPosition: row.last_position,
        response: row.response,
      },
    ]),
  );
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
