import { sql, type Kysely } from 'kysely';

/**
 * What transactions, holds and scheduled transactions are found by: terms in blocks, and of parts
 * that are complete, where each term is. Accounts are few, and have a row for each of their terms.
 * What was recorded before gets its own by the replay that the new materializers ask for. Blocks
 * are not compressed: they are read as soon as they are written, and most of them are gone soon.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.search_heads (
      id int primary key check (id = 1),
      block bigint not null,
      tokens text not null,
      position bigint not null
    )`.execute(db);
  await sql`
    create table state.search_blocks (
      block bigint primary key,
      tokens text not null,
      position bigint not null
    )`.execute(db);
  for (const table of [sql`state.search_heads`, sql`state.search_blocks`]) {
    await sql`alter table ${table} alter column tokens set storage external`.execute(db);
  }
  await sql`
    create table state.search_postings (
      bucket int not null,
      part bigint not null,
      postings bytea not null,
      position bigint not null,
      primary key (bucket, part)
    )`.execute(db);
  // In the order of bytes, in which all that begins alike stands together.
  await sql`
    create table state.account_terms (
      term text collate "C" not null,
      account_no bigint not null,
      position bigint not null,
      primary key (term, account_no, position)
    )`.execute(db);
  await sql`
    create table state.account_moves (
      account_no bigint not null,
      position bigint not null,
      primary key (account_no, position)
    )`.execute(db);
}
