import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { importLog } from '../../../src/proof/transfer/import-log';
import { columnsOf, tableColumns } from '../../../src/proof/transfer/log-file';
import { LogFileReader } from '../../../src/proof/transfer/log-file-reader';
import { LogFileWriter, PageDraft } from '../../../src/proof/transfer/log-file-writer';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { seededRandom } from '../../harness/seed';
import { waitFor } from '../../harness/waiting';
import { SetClock } from '../../outside/tasks/deferred-clock';
import { greet, PING_TABLES } from '../../outside/tasks/ping-feature';
import { closePingTasks, handlerOf, PingTasks } from '../../outside/tasks/ping-tasks';
import { BACKENDS } from '../../outside/tasks/queue-backends';
import { dumpLog, exported, freshInstallation, newFile, someBooks } from './log-copies';

const YEARS_AHEAD = '2090-01-31T10:00:00.000Z';
const [[, onPostgres]] = BACKENDS;

/** Rewrites a file as a program of the first version wrote it. @returns the path */
async function asVersion1(path: string): Promise<string> {
  const reader = new LogFileReader(createReadStream(path));
  const writer = new LogFileWriter();
  const header = await reader.header();
  const blocks = [writer.header({ ...header, version: 1, tables: tableColumns(1) })];
  for (;;) {
    const block = await reader.next();
    if (!('upTo' in block)) {
      const file = newFile();
      await writeFile(file, Buffer.concat([...blocks, writer.end(block)]));
      return file;
    }
    const page = new PageDraft(block.after, Infinity);
    page.upTo = block.upTo;
    for (const [table, rows] of block.rows) {
      const { length } = columnsOf(table, 1);
      for (const { fields } of rows) page.add(table, fields.slice(0, length));
    }
    blocks.push(writer.page(page));
  }
}

describe('tasks that are not to be done yet', () => {
  afterEach(closePingTasks);

  it('move with the log, and are done once they are due where they came to', async () => {
    const names: string[] = [];
    const handler = handlerOf<{ who: string }>('ping.greet', {}, ({ who }) => {
      names.push(who);
      return Promise.resolve();
    });
    const later = (who: string) => ({ ...greet(who), notBefore: YEARS_AHEAD });
    const source = await PingTasks.start(onPostgres, { handlers: [handler] });
    await source.send([later('deferred'), greet('done')]);
    await waitFor('both to be looked at', async () => {
      const [first, second] = await source.all();
      return first!.is_deferred && second!.status === 'done';
    });
    await source.close();
    await source.send([later('recorded'), greet('new')]);
    const { databases } = source.ledger;
    const file = await exported(databases);
    const target = await cloneDatabases({ stateTables: PING_TABLES });
    target.isChecked = false;
    await importLog({ url: target.urls.log, from: file });
    expect(await dumpLog(target.urls.log)).toEqual(await dumpLog(databases.urls.log));

    const clock = await SetClock.on(target, onPostgres, { handlers: [handler] });
    target.isChecked = true;
    const untilDone = (count: number) =>
      waitFor(`${count} to be done`, async () => (await clock.tasks.counts()).done === count);
    await untilDone(2);
    expect(names).toEqual(['done', 'new']);
    await clock.set('100 years');
    await untilDone(4);
    expect(names).toEqual(['done', 'new', 'deferred', 'recorded']);
  });
});

describe('a file of the first version', () => {
  it('is imported, with tasks that may be done at once', async () => {
    const source = await someBooks(seededRandom(), 150);
    await source.close();
    const { log } = source.databases.urls;
    await query(
      log,
      `insert into task_delivery (task_id, position, ordinal, name, status, done_at, result)
       select task_id, position, ordinal, name, 'done', now(), '{"a":"\\t\\\\"}'
       from task_log order by position limit 3`,
    );
    const target = await freshInstallation();
    const from = await asVersion1(await exported(source.databases));
    // The second import meets rows that are there.
    for (let i = 0; i < 2; i++) {
      const report = await importLog({ url: target.urls.log, from });
      expect(report).toMatchObject({ status: 'imported', chain: { ok: true } });
      expect(await dumpLog(target.urls.log)).toEqual(await dumpLog(log));
    }
  });
});
