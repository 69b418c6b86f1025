import { sql } from 'kysely';
import { Registry } from '../../src/engine/define/registry';
import { features } from '../../src/features';
import { Rebuild } from '../../src/proof/replay/rebuild';
import { cloneDatabases } from '../harness/databases';

describe('a connection of the program', () => {
  it('has the server ask whether its host is still there', async () => {
    const { urls } = await cloneDatabases();
    // Nobody else can replay while the server believes in this one.
    const rebuild = await Rebuild.open({ urls, registry: new Registry(features) });
    const { rows } = await sql<{ name: string }>`
      select name from pg_settings
      where name like 'tcp_keepalives_%' and source = 'client'
      order by name`.execute(rebuild.db);
    rebuild.close();
    expect(rows.map(({ name }) => name.replace('tcp_keepalives_', ''))).toEqual([
      'count',
      'idle',
      'interval',
    ]);
  });
});
