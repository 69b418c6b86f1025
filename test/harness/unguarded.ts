import type { Client } from 'pg';
import { withClient } from './cluster';

/** The partition that every event of a test is in. */
export const PARTITION = 'event_log_p0000000000001';

/**
 * Does to the log what only a superuser can: everything that guards it is switched off, and on
 * again as it was afterwards.
 */
export async function unguarded<T>(
  superUrl: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withClient(superUrl, async (client) => {
    const { rows } = await client.query<{ table: string; trigger: string }>(
      `select tgrelid::regclass::text as "table", tgname as "trigger" from pg_trigger
       where not tgisinternal and tgrelid in
         ($1::regclass, 'task_log'::regclass, 'event_backup'::regclass)`,
      [PARTITION],
    );
    const set = async (how: string) => {
      for (const { table, trigger } of rows) {
        await client.query(`alter table ${table} ${how} trigger ${trigger}`);
      }
    };
    await client.query('begin');
    await set('disable');
    const result = await work(client);
    await set('enable always');
    await client.query('commit');
    return result;
  });
}
