import type { Kysely, Transaction } from 'kysely';
import { SQLSTATE, sqlstateOf } from '../../database/sqlstates';
import {
  answerResponse,
  checkSameRequest,
  findRemembered,
  fingerprintOf,
  refusalResponse,
  scopedKey,
  storedOutcome,
} from './command-log';
import type { Outcome } from '../define/creator';
import type { LogDatabase } from './event-log';
import { systemClock } from '../define/ids';
import { Refusal } from '../define/refusal';

/** What an administrator asks for that changes no books: no event, and no state. */
export interface AdminCommand<Input = unknown> {
  /** Imperative, stable: it is stored with the command. */
  readonly name: string;
  readonly input: Input;
  readonly actor: string;
  readonly idempotencyKey?: string | undefined;
  readonly dryRun?: boolean;
}

/**
 * Runs a command that changes no books in a transaction of the log database, under the same rules
 * as a creator: it may refuse, its key is remembered in `command_log` for ever, and a dry run is
 * the same path and a rollback.
 * @param db under a role that may read and add to `command_log`
 * @param position of the state that the caller sees
 * @throws what `effect` throws, but a Refusal, which is an outcome
 */
export async function runAdminCommand<DB extends LogDatabase, Input, Answer>(
  db: Kysely<DB>,
  command: AdminCommand<Input>,
  position: number,
  effect: (db: Transaction<DB>) => Promise<Answer>,
): Promise<Outcome<Answer>> {
  const repeated = await repeatAdminCommand<Answer>(db as never, command, position);
  if (repeated) return repeated;
  return firstOfSame(db as never, command, position, () => runOnce(db, command, position, effect));
}

/**
 * Does what remembers a command's key. Where the same key came twice at once and the other one was
 * first, what became of that one is the outcome.
 */
export async function firstOfSame<Answer>(
  db: Kysely<LogDatabase>,
  command: AdminCommand,
  position: number,
  remember: () => Promise<Outcome<Answer>>,
): Promise<Outcome<Answer>> {
  try {
    return await remember();
  } catch (error) {
    if (sqlstateOf(error) !== SQLSTATE.uniqueViolation) throw error;
    const first = await repeatAdminCommand<Answer>(db, command, position);
    if (!first) throw error;
    return first;
  }
}

/** Undoes a dry run. */
class DryRunEnded extends Error {}

async function runOnce<DB extends LogDatabase, Input, Answer>(
  db: Kysely<DB>,
  command: AdminCommand<Input>,
  position: number,
  effect: (db: Transaction<DB>) => Promise<Answer>,
): Promise<Outcome<Answer>> {
  let outcome: Outcome<Answer> | undefined;
  try {
    await db.transaction().execute(async (transaction) => {
      const answer = await effect(transaction);
      outcome = { kind: 'accepted', answer, position, isHit: false };
      if (command.dryRun) throw new DryRunEnded();
      await rememberAdminCommand(transaction as never, command, outcome);
    });
  } catch (error) {
    if (error instanceof DryRunEnded) return outcome!;
    if (!(error instanceof Refusal)) throw error;
    outcome = { kind: 'refused', refusal: error, position, isHit: false };
    if (!command.dryRun && error.isRemembered)
      await rememberAdminCommand(db as never, command, outcome);
  }
  return outcome!;
}

/** What became of the same request before; undefined where it is new, or has no key. */
export async function repeatAdminCommand<Answer>(
  db: Kysely<LogDatabase>,
  command: AdminCommand,
  position: number,
): Promise<Outcome<Answer> | undefined> {
  const { actor, idempotencyKey } = command;
  if (idempotencyKey === undefined) return undefined;
  const found = await findRemembered(db, [{ actor, idempotencyKey }]);
  const remembered = found.get(scopedKey(actor, idempotencyKey));
  if (!remembered) return undefined;
  try {
    await checkSameRequest(remembered.fingerprint, command.name, command.input, idempotencyKey);
    return storedOutcome(remembered) as Outcome<Answer>;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { kind: 'refused', refusal: error, position, isHit: false };
  }
}

/** Keeps what became of a command, and its answer where it has a key. */
export async function rememberAdminCommand(
  db: Kysely<LogDatabase>,
  { name, input, actor, idempotencyKey }: AdminCommand,
  outcome: Outcome,
): Promise<void> {
  const accepted = outcome.kind === 'accepted';
  const response = accepted ? answerResponse(outcome.answer) : refusalResponse(outcome.refusal);
  const isKept = idempotencyKey !== undefined;
  await db
    .insertInto('command_log')
    .values({
      command_id: systemClock.newId(),
      first_position: null,
      last_position: outcome.position,
      actor,
      creator: name,
      outcome: outcome.kind,
      idempotency_key: idempotencyKey ?? null,
      fingerprint: isKept ? Buffer.from(await fingerprintOf(name, input), 'hex') : null,
      response: isKept ? JSON.stringify(response) : null,
    })
    .execute();
}
