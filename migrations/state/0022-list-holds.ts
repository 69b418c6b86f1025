import { sql, type Kysely } from 'kysely';

/**
 * Where the holds of an account are, open ones apart from those that have ended: a hold that ends
 * leaves one list and comes into another, and no row is updated that has an index of its status.
 * Account 0 has the holds of all accounts. What a hold's own row changes has no index any more, and
 * finds room in its page: so an update of it writes no index.
 *
 * Until the state is rebuilt, since other materializers write it, it is read as it was.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.open_holds (
      account_no bigint not null,
      hold_no bigint not null,
      expires_at timestamptz,
      primary key (account_no, hold_no)
    )`.execute(db);
  await sql`
    create index open_holds_due on state.open_holds (account_no, expires_at, hold_no)
    where expires_at is not null`.execute(db);
  await sql`
    create table state.ended_holds (
      account_no bigint not null,
      status text not null,
      hold_no bigint not null,
      position bigint not null,
      primary key (account_no, status, hold_no)
    )`.execute(db);
  const lines = sql`
    (select account_no, hold_no from state.hold_accounts union all
      select 0, hold_no from state.holds) l join state.holds h using (hold_no)`;
  await sql`
    insert into state.open_holds
    select l.account_no, hold_no, h.expires_at from ${lines} where h.status = 'held'`.execute(db);
  await sql`
    insert into state.ended_holds
    select l.account_no, h.status, hold_no, h.last_position from ${lines}
    where h.status <> 'held'`.execute(db);
  await sql`alter table state.holds add column account_nos bigint[]`.execute(db);
  await sql`
    update state.holds h set account_nos = l.account_nos from (
      select hold_no, array_agg(account_no order by line_no) as account_nos
      from state.hold_accounts group by hold_no
    ) l where l.hold_no = h.hold_no`.execute(db);
  await sql`alter table state.holds alter column account_nos set not null`.execute(db);
  await sql`drop table state.hold_accounts`.execute(db);
  await sql`drop index state.holds_status`.execute(db);
  await sql`drop index state.holds_due`.execute(db);
  await sql`alter table state.holds set (fillfactor = 45)`.execute(db);
}
