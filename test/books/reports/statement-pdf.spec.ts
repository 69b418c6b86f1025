import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { StatementDto, StatementEntryDto } from '../../../src/books/reports/statement.dto';
import { StateReader } from '../../../src/engine/session/state-reader';
import { LedgerUnavailable } from '../../../src/engine/define/refusal';
import { cloneDatabases } from '../../harness/databases';
import { query, testCluster, withClient } from '../../harness/cluster';
import { linesOf, readPdf, type PdfText } from '../../harness/pdf-reader';
import { rounds } from '../../harness/rounds';
import { seededRandom } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { gate, waitFor } from '../../harness/waiting';
import { DatedModel } from './dated-model';

/** Nothing is read for somebody who has left for so long. */
const LEFT_MS = 1_000;
const POSTINGS = 998;

type Column =
  'Date' | 'Position' | 'Description' | 'Counter accounts' | 'Debit' | 'Credit' | 'Balance';
type Row = Partial<Record<Column, string>>;

/** The rows of a page's table, each text in the column that it begins or ends in. */
function rowsOf(page: readonly PdfText[]): Row[] {
  const lines = linesOf(page);
  const at = lines.findIndex(([first]) => first!.text === 'Date');
  const heads = lines[at]!.map((head) => {
    return { ...head, name: head.text.replace(/^Balance .*/, 'Balance') as Column };
  });
  const table = lines.slice(at + 1).filter((line) => !/ · /.test(line[0]!.text));
  return table.map((line) => {
    const row: Row = {};
    for (const text of line) {
      const near = (a: number, b: number) => Math.abs(a - b) < 0.2;
      const column = heads.find(({ x, right }) => near(x, text.x) || near(right, text.right));
      expect([text, column?.name]).toEqual([text, expect.any(String)]);
      row[column!.name] = text.text;
    }
    return row;
  });
}

/** What rows say together: lines without a date go on with the text of the one before. */
function joined(rows: readonly Row[]): Row[] {
  const whole: Row[] = [];
  for (const row of rows) {
    const last = whole.at(-1);
    if (row.Date !== undefined || row.Balance !== undefined || row.Debit !== undefined || !last) {
      whole.push({ ...row });
      continue;
    }
    for (const name of ['Description', 'Counter accounts'] as const) {
      if (row[name] !== undefined) last[name] = `${last[name] ?? ''} ${row[name]}`.trim();
    }
  }
  return whole;
}

function rowOf(entry: StatementEntryDto): Row {
  const counter = entry.counterAccounts.map(({ name }) => name).join('; ');
  return {
    ...{ Date: entry.effectiveDate, Position: String(entry.position), Balance: entry.balance },
    Description: entry.description.replaceAll('\n', ' '),
    ...(counter !== '' && { 'Counter accounts': counter }),
    [entry.direction === 'debit' ? 'Debit' : 'Credit']: entry.amount,
  };
}

/** An account with many entries, posted by the thousand. */
async function busyService(transactions: number): Promise<TestService> {
  const started = await startTestService();
  const { api } = started;
  for (const clientId of ['busy', 'other']) {
    const account = { clientId, name: clientId, type: 'equity', currency: 'USD' };
    await api.post('/v1/accounts', account);
  }
  const credits = Array.from({ length: POSTINGS }, () => {
    return { accountId: 'client:busy', direction: 'credit', amount: '0.01' };
  });
  const debit = { accountId: 'client:other', direction: 'debit', amount: '9.98' };
  for (let i = 0; i < transactions; i++) {
    const body = { description: `Payment ${i} of an invoice`, postings: [...credits, debit] };
    expect((await api.post('/v1/transactions', body)).status).toBe(201);
  }
  return started;
}

async function bytesOf(answer: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Asks for a whole statement of the busy account; it is read as far as who asked reads it. */
async function asked({ url, api }: TestService, format: 'csv' | 'pdf'): Promise<IncomingMessage> {
  const path = `${url}/v1/accounts/client:busy/statement?format=${format}`;
  const [answer] = (await once(httpGet(path, { headers: api.authorization }), 'response')) as [
    IncomingMessage,
  ];
  expect(answer.statusCode).toBe(200);
  return answer;
}

describe('a statement as PDF', () => {
  it('says what it says as JSON, at any dates and positions', async () => {
    const service = await startTestService({ databases: await cloneDatabases() });
    const random = seededRandom();
    const model = new DatedModel(service, random);
    await model.openAccounts(6);
    for (let i = 0; i < 6; i++) {
      await model.post(1 + random.below(60), random.pick([0, 0.1, 0.5]));
      await model.change();
    }
    for (let i = 0; i < rounds(5, 30); i++) {
      const account = random.pick(model.accounts);
      const at = Math.max(account.openedAt, model.anyPosition());
      const [from, to] = [model.anyDay(), model.anyDay()].sort() as [string, string];
      const days = random.chance(0.7) ? `&from=${from}&to=${to}` : '';
      const path = `/v1/accounts/${account.id}/statement?atPosition=${at}${days}`;
      const { body } = await service.api.get<StatementDto & Record<string, unknown>>(
        `${path}&limit=200`,
      );
      const entries = [...body.entries];
      for (let { nextCursor } = body; nextCursor !== null;) {
        const { body: page } = await service.api.get<StatementDto & Record<string, unknown>>(
          `${path.split('?', 1)[0]}?cursor=${nextCursor}&limit=200`,
        );
        entries.push(...page.entries);
        nextCursor = page.nextCursor;
      }
      const answer = await fetch(`${service.url}${path}`, {
        headers: { authorization: `Bearer ${service.key}`, accept: 'application/pdf' },
      });
      expect(answer.headers.get('content-type')).toBe('application/pdf');
      const pdf = await readPdf(new Uint8Array(await answer.arrayBuffer()));
      const rows: Row[] = [];
      for (let number = 1; number <= pdf.pages; number++) {
        const page = await pdf.page(number);
        expect(page.map(({ text }) => text)).toContain(`Page ${number} of`);
        expect(page.at(-1)!.text).toBe(String(pdf.pages));
        rows.push(...rowsOf(page));
      }
      const first = (await pdf.page(1)).map(({ text }) => text).join('\n');
      expect(first).toContain(body.account.name);
      expect(first).toContain(`as known at position ${at}`);
      if (days !== '') expect(first).toContain(`From ${from} to ${to}`);
      await pdf.close();
      const { opening, closing, totalDebits, totalCredits } = body;
      const until = days === '' ? {} : { Date: to };
      expect(joined(rows)).toEqual([
        { ...(days !== '' && { Date: from }), Description: 'Opening balance', Balance: opening },
        ...entries.map(rowOf),
        { Description: 'Totals', Debit: totalDebits, Credit: totalCredits },
        { ...until, Description: 'Closing balance', Balance: closing },
      ]);
    }
  });

  it('of tens of thousands of lines is made in bounded memory', async () => {
    const transactions = rounds(8, 51);
    const lines = transactions * POSTINGS;
    const started = await busyService(transactions);
    // Counted by hand: a spy would keep all that was read.
    const reader = started.get(StateReader);
    const read = reader.read.bind(reader);
    let pages = 0;
    reader.read = (run, options) => {
      pages++;
      return read(run, options);
    };
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const answer = await asked(started, 'pdf');
    const chunks: Buffer[] = [];
    let [bytes, early, late] = [0, 0, 0];
    const heap = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (early === 0 && pages >= 4) early = heap();
      if (late === 0 && pages >= Math.floor(lines / 500)) late = heap();
    }
    // What is held on the way does not follow what was made: 1 kB a page is some numbers.
    const perLine = (late - early) / lines;
    expect(early).toBeGreaterThan(0);
    expect(late).toBeGreaterThan(0);
    expect(perLine).toBeLessThan(100);
    const pdf = await readPdf(Buffer.concat(chunks));
    expect(pdf.pages).toBeGreaterThan(lines / 60);
    const rows: Row[] = [];
    for (const number of [1, Math.ceil(pdf.pages / 2), pdf.pages]) {
      const page = await pdf.page(number);
      expect(page.at(-1)!.text).toBe(String(pdf.pages));
      rows.push(...rowsOf(page));
    }
    await pdf.close();
    const closing = (lines / 100).toFixed(2);
    expect(rows.at(-1)).toMatchObject({ Description: 'Closing balance', Balance: closing });
    expect(rows.at(-2)).toMatchObject({ Description: 'Totals', Credit: closing });
    expect(rows.at(-3)).toMatchObject({ Balance: closing, Credit: '0.01' });
    process.stderr.write(`${lines} lines: ${bytes} bytes, ${perLine.toFixed(1)} bytes held each\n`);
  }, 300_000);
});

describe('a statement that is streamed', () => {
  /** Has the second page be read when a gate opens. */
  function heldSecondPage(started: TestService) {
    const reader = started.get(StateReader);
    const read = reader.read.bind(reader);
    const released = gate();
    const calls = jest.spyOn(reader, 'read').mockImplementation(async (run, options) => {
      if (calls.mock.calls.length === 2) await released.opened;
      return read(run, options);
    });
    return released;
  }

  it('is read no more on the server when its caller hangs up', async () => {
    const started = await busyService(2);
    const released = heldSecondPage(started);
    const { state } = started.databases.urls;
    const running = async () => {
      const rows = await query(
        testCluster().superUrl,
        `select from pg_stat_activity
         where datname = $1 and wait_event_type = 'Lock' and query like '%entries%'`,
        [new URL(state).pathname.slice(1)],
      );
      return rows.length;
    };
    const answer = await asked(started, 'csv');
    await withClient(state, async (client) => {
      await client.query('begin; lock table entries in access exclusive mode');
      released.open();
      await waitFor('the second page to be read', async () => (await running()) === 1);
      answer.destroy();
      await waitFor('nothing to be read', async () => (await running()) === 0, LEFT_MS);
      await client.query('rollback');
    });
    const complaints = started.logged.filter((line) => /"level":(4|5)0/.test(line));
    expect(complaints).toEqual([]);
  });

  it('asks again for a page that there was no turn for', async () => {
    const started = await busyService(2);
    const reader = started.get(StateReader);
    const read = reader.read.bind(reader);
    const calls = jest.spyOn(reader, 'read').mockImplementation(async (run, options) => {
      if (calls.mock.calls.length === 2) throw new LedgerUnavailable('Too many are waiting');
      return read(run, options);
    });
    const text = (await bytesOf(await asked(started, 'csv'))).toString();
    expect(text.trimEnd().split('\r\n')).toHaveLength(1 + 2 * POSTINGS);
  });

  it('is one of a few documents at once; the next one waits until one has ended', async () => {
    const started = await busyService(2);
    const open = await Promise.all(Array.from({ length: 4 }, () => asked(started, 'pdf')));
    let isAnswered = false;
    const next = asked(started, 'pdf').then((answer) => {
      isAnswered = true;
      return answer;
    });
    expect((await asked(started, 'csv')).statusCode).toBe(200);
    expect(isAnswered).toBe(false);
    open[0]!.destroy();
    expect((await bytesOf(await next)).subarray(0, 5).toString()).toBe('%PDF-');
    for (const answer of open) answer.destroy();
  });
});
