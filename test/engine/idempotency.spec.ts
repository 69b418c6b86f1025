import { OpenAccount } from '../../src/books/accounts/account.creators';
import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import { openAccount, transfer } from '../harness/books';
import { query } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { startTestLedger, type TestLedger } from '../harness/ledger';
import { CountNotes, NOTE_TABLES, noteFeatures, TakeNote, TakeNotes } from '../harness/notes';

async function startBooks() {
  const ledger = await startTestLedger();
  const cash = await openAccount(ledger);
  const customer = await openAccount(ledger, { type: 'liability', minBalance: '0' });
  return { ledger, cash, customer };
}

async function countOf(ledger: TestLedger, table: 'event_log' | 'command_log'): Promise<number> {
  const text = `select count(*) from ${table}`;
  return (await query<{ count: number }>(ledger.databases.urls.log, text))[0]!.count;
}

describe('an idempotency key', () => {
  const key = { idempotencyKey: 'the key' };

  it('gets the same answer in the same batch, in another one and after a restart', async () => {
    const { ledger, cash, customer } = await startBooks();
    const input = transfer(cash, customer, '5', { clientId: 'only once', metadata: { a: 'b' } });
    const same = await Promise.all([
      ledger.submit(PostTransaction, input, key),
      ledger.submit(PostTransaction, input, key),
      ledger.submit(PostTransaction, input, key),
    ]);
    const later = await ledger.submit(PostTransaction, input, key);
    await ledger.restart();
    const restarted = await ledger.submit(PostTransaction, input, key);

    const [first] = same;
    expect([...same, later, restarted].map((o) => o.isHit)).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
    for (const outcome of [...same, later, restarted]) {
      expect(outcome).toEqual({ ...first, isHit: outcome.isHit });
    }
    expect(await countOf(ledger, 'event_log')).toBe(3);
  });

  it('does not mind the order of the request’s fields', async () => {
    const { ledger, cash, customer } = await startBooks();
    const { description, postings } = transfer(cash, customer, '5');
    await ledger.accept(PostTransaction, { description, postings }, key);
    const again = await ledger.submit(PostTransaction, { postings, description }, key);
    expect(again).toMatchObject({ kind: 'accepted', isHit: true });
  });

  it('belongs to one request', async () => {
    const { ledger, cash, customer } = await startBooks();
    await ledger.accept(PostTransaction, transfer(cash, customer, '5'), key);
    const others = [
      () => ledger.submit(PostTransaction, transfer(cash, customer, '5.0'), key),
      () => ledger.submit(PostTransaction, transfer(customer, cash, '5'), key),
      () => ledger.submit(OpenAccount, { name: 'A', type: 'asset', currency: 'USD' }, key),
    ];
    for (const other of others) {
      expect(await other()).toMatchObject({
        kind: 'refused',
        isHit: false,
        refusal: { code: 'idempotency_key_reused' },
      });
    }
    // That is true in one batch as well, where the log does not have the key yet.
    const [, reused] = await Promise.all([
      ledger.submit(PostTransaction, transfer(cash, customer, '1'), { idempotencyKey: 'new' }),
      ledger.submit(PostTransaction, transfer(cash, customer, '2'), { idempotencyKey: 'new' }),
    ]);
    expect(reused).toMatchObject({ refusal: { code: 'idempotency_key_reused' } });
    expect(await countOf(ledger, 'event_log')).toBe(4);
  });

  it('is not that of the commands inside its own', async () => {
    const databases = await cloneDatabases({ stateTables: NOTE_TABLES });
    const ledger = await startTestLedger({ databases, features: noteFeatures });
    const inputs = [
      { text: 'a', key: 'the key' },
      { text: 'b', key: 'the key', count: true },
      { text: 'c', key: 'another' },
    ];
    const codes = ['idempotency_key_reused', 'idempotency_key_reused', 'accepted'];
    for (const isHit of [false, true]) {
      const outcome = await ledger.submit(TakeNotes, { inputs }, key);
      expect(outcome).toMatchObject({ kind: 'accepted', isHit, answer: { codes } });
    }
    const alone = await ledger.refuse(TakeNote, { text: 'a' }, key);
    expect(alone.code).toBe('idempotency_key_reused');
    expect(await countOf(ledger, 'event_log')).toBe(1);
  });

  it('is the caller’s own', async () => {
    const { ledger, cash, customer } = await startBooks();
    const input = transfer(cash, customer, '5');
    const outcomes = await Promise.all(
      ['ann', 'bob', 'ann\0', 'an'].map((actor) =>
        ledger.submit(PostTransaction, input, { ...key, actor: actor.replace('\0', '') + '!' }),
      ),
    );
    expect(outcomes.map((o) => o.isHit)).toEqual([false, false, true, false]);
  });

  it('remembers a refusal, although the request would be accepted now', async () => {
    const { ledger, cash, customer } = await startBooks();
    const withdrawal = transfer(customer, cash, '5');
    const refused = await ledger.submit(PostTransaction, withdrawal, key);
    expect(refused).toMatchObject({ kind: 'refused', position: 2, isHit: false });
    await ledger.accept(PostTransaction, transfer(cash, customer, '50'));
    for (const restart of [false, true]) {
      if (restart) await ledger.restart();
      const again = await ledger.submit(PostTransaction, withdrawal, key);
      expect(again).toMatchObject({ kind: 'refused', position: 2, isHit: true });
      expect(again).toMatchObject({
        refusal: { code: 'insufficient_funds', details: { accountId: customer.id } },
      });
    }
    const another = await ledger.submit(PostTransaction, withdrawal, { idempotencyKey: 'next' });
    expect(another).toMatchObject({ kind: 'accepted', isHit: false });
  });

  it('does not remember a request that was not valid', async () => {
    const { ledger, cash, customer } = await startBooks();
    const before = await countOf(ledger, 'command_log');
    const invalid = await ledger.refuse(PostTransaction, transfer(cash, customer, '5.001'), key);
    expect(invalid.code).toBe('validation_failed');
    expect(await countOf(ledger, 'command_log')).toBe(before);
    const valid = await ledger.submit(PostTransaction, transfer(cash, customer, '5'), key);
    expect(valid).toMatchObject({ kind: 'accepted', isHit: false });
  });

  it('does not remember a command that failed, and keeps answers that no event tells', async () => {
    const databases = await cloneDatabases({ stateTables: NOTE_TABLES });
    const ledger = await startTestLedger({ databases, features: noteFeatures });
    await expect(ledger.submit(TakeNote, { text: 'a', then: 'throw' }, key)).rejects.toThrow(
      'A bug in a creator',
    );
    await expect(ledger.submit(TakeNote, { text: 'forbidden' }, key)).rejects.toThrow('check');
    const first = await ledger.accept(CountNotes, { text: 'a' }, key);
    await ledger.accept(TakeNote, { text: 'b' });
    const again = await ledger.submit(CountNotes, { text: 'a' }, key);
    expect(again).toMatchObject({ kind: 'accepted', isHit: true, answer: first });
  });
});

describe('a dry run', () => {
  it('answers in full and leaves nothing', async () => {
    const { ledger, cash, customer } = await startBooks();
    const [events, commands] = [
      await countOf(ledger, 'event_log'),
      await countOf(ledger, 'command_log'),
    ];
    const input = transfer(cash, customer, '5', { clientId: 'x' });
    const options = { dryRun: true, idempotencyKey: 'dry' };
    for (let i = 0; i < 2; i++) {
      const outcome = await ledger.submit(PostTransaction, input, options);
      expect(outcome).toMatchObject({
        kind: 'accepted',
        isHit: false,
        position: 3,
        answer: { position: 3, postings: [{ balanceAfter: '5.00' }, { balanceAfter: '5.00' }] },
      });
    }
    const refused = await ledger.submit(PostTransaction, transfer(customer, cash, '5'), options);
    expect(refused).toMatchObject({ kind: 'refused', refusal: { code: 'insufficient_funds' } });
    expect(await countOf(ledger, 'event_log')).toBe(events);
    expect(await countOf(ledger, 'command_log')).toBe(commands);
    expect(ledger.open.ledger.head.position).toBe(2);
    const real = await ledger.submit(PostTransaction, input, { idempotencyKey: 'dry' });
    expect(real).toMatchObject({ kind: 'accepted', isHit: false, position: 3 });
  });

  it('leaves nothing for the other commands of its batch to see', async () => {
    const databases = await cloneDatabases({ stateTables: NOTE_TABLES });
    const ledger = await startTestLedger({ databases, features: noteFeatures });
    const outcomes = await Promise.all([
      ledger.submit(TakeNote, { text: 'one' }),
      ledger.submit(TakeNote, { text: 'dry' }, { dryRun: true }),
      ledger.submit(CountNotes, { text: 'dry too' }, { dryRun: true }),
      ledger.submit(CountNotes, { text: 'two' }),
    ]);
    expect(outcomes[2]).toMatchObject({ answer: { before: 1, after: 2 }, position: 2 });
    expect(outcomes[3]).toMatchObject({ answer: { before: 1, after: 2 }, position: 2 });
  });
});
