import { query } from '../../harness/cluster';

/**
 * What the tables of the state are made like: constraints, indexes, rights, whether logged, and how
 * they are stored.
 */
export async function schemaOf(url: string): Promise<unknown[]> {
  const parts = [
    `select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
     where connamespace = 'state'::regnamespace order by 1`,
    `select indexname as name, indexdef as definition from pg_indexes
     where schemaname = 'state' order by 1`,
    `select relname as name, relacl::text as definition, relpersistence as persistence,
       reloptions as options from pg_class
     where relnamespace = 'state'::regnamespace and relkind = 'r' order by 1`,
  ];
  return Promise.all(parts.map((text) => query(url, text)));
}
