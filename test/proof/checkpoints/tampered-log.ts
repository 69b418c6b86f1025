import { GENESIS } from '../../../src/engine/define/event';
import { readOriginalEvents, type LogDatabase } from '../../../src/engine/write/event-log';
import { canonicalEvent, canonicalJson, chainHash } from '../../../src/engine/write/hash-chain';
import type { Kysely } from 'kysely';
import type { TestDatabases } from '../../harness/databases';
import { PARTITION, unguarded } from '../../harness/unguarded';

/** Does to the log what only a superuser can: everything that guards it is switched off. */
export async function tamper(
  databases: TestDatabases,
  statements: readonly (readonly [text: string, ...values: unknown[]])[],
): Promise<void> {
  databases.isChecked = false;
  await unguarded(databases.superUrls.log, async (client) => {
    for (const [text, ...values] of statements) await client.query(text, values);
  });
}

/** Removes the events after a position, and nothing that names them. */
export function cutLog(databases: TestDatabases, after: number): Promise<void> {
  return tamper(databases, [[`delete from ${PARTITION} where position > $1`, after]]);
}

/** Makes the log database what it was at a position, as an older dump of it is. */
export function restoreLog(databases: TestDatabases, to: number): Promise<void> {
  return tamper(databases, [
    [`delete from ${PARTITION} where position > $1`, to],
    ['delete from task_log where position > $1', to],
    ['delete from command_log where last_position > $1', to],
  ]);
}

/** Changes who did what an event tells, and hashes it and all after it as is right. */
export async function rewriteLog(
  databases: TestDatabases,
  log: Kysely<LogDatabase>,
  from: number,
): Promise<void> {
  let hash = GENESIS.hash;
  const statements: [string, ...unknown[]][] = [];
  const rows = await log.selectFrom('event_log').select('position').execute();
  const positions = rows.map((row) => row.position);
  for (const event of await readOriginalEvents(log, positions)) {
    const actor = event.position === from ? 'somebody else' : event.actor;
    hash = chainHash(hash, canonicalEvent({ ...event, actor }, canonicalJson(event.data)));
    if (event.position < from) continue;
    const text = `update ${PARTITION} set actor = $2, hash = $3 where position = $1`;
    statements.push([text, event.position, actor, Buffer.from(hash, 'hex')]);
  }
  await tamper(databases, statements);
}
