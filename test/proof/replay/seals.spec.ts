import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { ClosePeriod, ReopenPeriod } from '../../../src/books/periods/period.creators';
import { PeriodClosed, type PeriodClosedData } from '../../../src/books/periods/period.events';
import { amend } from '../../../src/proof/amendments/amend';
import { TransactionPosted } from '../../../src/books/transactions/transaction.events';
import type { TransactionPostedData } from '../../../src/books/transactions/transaction.events';
import { openAccount, transfer } from '../../harness/books';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { changed, verifyOf } from './some-books';

/** Three months with a payment each, closed one by one, the second one twice. */
async function closedBooks() {
  const ledger = await startTestLedger();
  const [cash, sales] = [await openAccount(ledger), await openAccount(ledger, { type: 'income' })];
  const equity = await openAccount(ledger, { type: 'equity' });
  const sell = (effectiveDate: string) =>
    ledger.accept(PostTransaction, transfer(cash, sales, '5.00', { effectiveDate }));
  const close = (through: string) => ledger.accept(ClosePeriod, { through, closeTo: [equity.id] });
  const january = await sell('2025-01-10');
  const first = await close('2025-01-31');
  const february = await sell('2025-02-10');
  const { id: closeId } = await close('2025-02-28');
  await ledger.accept(ReopenPeriod, { closeId, reason: 'A late invoice' });
  await openAccount(ledger, { currency: 'JPY' });
  await sell('2025-02-11');
  const second = await close('2025-02-28');
  await sell('2025-03-10');
  return { ledger, january, february, closes: [first, second] };
}

/** Data of an event in the log, as an amendment is to make it. */
async function dataAt<Data>({ open }: TestLedger, position: number): Promise<Data> {
  const { data } = await open.logReader
    .selectFrom('event_log')
    .select('data')
    .where('position', '=', position)
    .executeTakeFirstOrThrow();
  return data as Data;
}

/** The position of the event that a close made. */
const eventOf = ({ position }: { position: number }) => position + 1;

describe('the seals of closed periods', () => {
  it('recompute in good books, whatever was posted and opened since', async () => {
    const { ledger } = await closedBooks();
    expect(await verifyOf(ledger.databases)).toMatchObject({ status: 'passed', log: [] });
  });

  it.each([
    ['digest', { digest: 'f'.repeat(64) }],
    ['totals', { currencies: [] }],
    ['event before it', { position: 1 }],
  ])('fail a verification with another %s', async (what, wrong) => {
    const { ledger, closes } = await closedBooks();
    const [, second] = closes;
    // As a materializer that was changed makes it: live rows and rebuilt ones are equal.
    const of = changed(PeriodClosed.type, (apply) => (event, context) => {
      const isSecond = event.position === eventOf(second!);
      return apply(isSecond ? { ...event, data: { ...event.data, ...wrong } } : event, context);
    });
    const { status, log, chain } = await verifyOf(ledger.databases, {}, of);
    expect([status, chain.ok]).toEqual(['failed', true]);
    expect(log).toMatchObject([{ kind: 'seal_broken', position: eventOf(second!) }]);
    expect(log[0]!.detail).toContain('2025-02-28');
    expect(log[0]!.detail).toContain(second!.id);
    expect(log[0]!.detail).toContain(what);
  });

  it('fail it where something takes effect in the period that was not sealed', async () => {
    const { ledger, january, closes } = await closedBooks();
    const of = changed(TransactionPosted.type, (apply) => (event, context) => {
      const data = event.data as TransactionPostedData;
      const effectiveDate = data.transactionId === january.id ? '2025-02-01' : data.effectiveDate;
      return apply({ ...event, data: { ...data, effectiveDate } }, context);
    });
    const { log } = await verifyOf(ledger.databases, {}, of);
    // January lacks it; until the end of February all is as it was.
    expect(log).toMatchObject([{ kind: 'seal_broken', position: eventOf(closes[0]!) }]);
  });

  it('keep what they sealed from being amended, until the period is opened again', async () => {
    const { ledger, february, closes } = await closedBooks();
    const { registry, urls } = ledger.open;
    const { position } = february;
    const data = await dataAt<TransactionPostedData>(ledger, position);
    const amount = (text: string) => ({
      ...data,
      postings: data.postings.map((posting) => ({ ...posting, amount: text })),
    });
    const command = (wanted: object, at = position) =>
      ({
        name: 'AmendEvent',
        actor: 'tester',
        input: { position: at, data: wanted, reason: 'A wrong amount' },
      }) as const;
    for (const dryRun of [true, false]) {
      const outcome = await amend({ urls, registry }, { ...command(amount('6.00')), dryRun });
      expect(outcome).toMatchObject({
        kind: 'refused',
        refusal: { code: 'amendment_breaks_seal' },
      });
      expect(outcome.kind === 'refused' && outcome.refusal.detail).toContain(closes[1]!.id);
    }
    const sealed = await dataAt<PeriodClosedData>(ledger, eventOf(closes[1]!));
    const other = { ...sealed, digest: '0'.repeat(64) };
    const seal = await amend({ urls, registry }, command(other, eventOf(closes[1]!)));
    expect(seal).toMatchObject({ kind: 'refused', refusal: { code: 'amendment_breaks_seal' } });
    // What no seal is about may be amended.
    const named = await amend({ urls, registry }, command({ ...data, description: 'A sale' }));
    expect(named.kind).toBe('accepted');
    await ledger.restart();
    const closeId = closes[1]!.id;
    await ledger.accept(ReopenPeriod, { closeId, reason: 'A wrong amount' });
    const allowed = await amend({ urls, registry }, command(amount('6.00')));
    expect(allowed.kind).toBe('accepted');
    expect(await verifyOf(ledger.databases)).toMatchObject({ status: 'passed', log: [] });
  });
});
