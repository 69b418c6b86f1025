import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { CaptureHold } from '../../../src/books/holds/capture.creator';
import { PlaceHold } from '../../../src/books/holds/hold.creators';
import { HoldExpiry } from '../../../src/books/holds/hold.schedule';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { features } from '../../../src/features';
import { cloneDatabases } from '../../harness/databases';
import { command, NOTHING, runAhead } from '../../harness/run-ahead';
import { startTestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { logOf, startHolds } from './hold-books';

const SECOND = 1_000;

describe('many holds whose time is over', () => {
  it('expire for no command that is refused all the same, and not more than it takes', async () => {
    const { clock, ledger, place, payment, head } = await startHolds();
    await Promise.all(Array.from({ length: 300 }, (_, i) => place('0.10', SECOND + i)));
    await place('20');
    clock.ms += 2 * SECOND;
    let made = 0;
    const newId = clock.newId.bind(clock);
    clock.newId = () => {
      made++;
      return newId();
    };
    const refusal = await ledger.refuse(PostTransaction, payment('80.01'));
    expect(refusal).toMatchObject({ code: 'insufficient_funds' });
    // Whatever is due holds nothing.
    expect(refusal.detail).toContain('would fall to -0.01');
    // None for events that are undone: commands alone have some.
    expect(made).toBeLessThan(10);
    const before = head();
    await ledger.accept(PostTransaction, payment('51'));
    const types = (await logOf(ledger, before)).map(({ type }) => type);
    expect(types).toEqual([...Array<string>(16).fill('HoldExpired'), 'TransactionPosted']);
    await ledger.accept(PostTransaction, payment('29'));
    const expired = (await logOf(ledger)).filter(({ type }) => type === 'HoldExpired');
    expect(expired).toHaveLength(300);
  });

  it('are not looked for by each posting that is refused while none is due any more', async () => {
    const { clock, ledger, place, payment } = await startHolds({ behindMs: 30 * SECOND });
    const { id: holdId } = await place('10', 2 * SECOND);
    await place('10', 3_600 * SECOND);
    await ledger.accept(CaptureHold, { holdId });
    clock.ms += 5 * SECOND;
    await ledger.accept(PostTransaction, payment('1'));
    const refused = Array.from({ length: 5 }, () => command(PostTransaction, payment('80')));
    const run = await runAhead(ledger, refused);
    expect(run.outcomes.map((o) => o.kind)).toEqual(Array(5).fill('refused'));
    // The first one looks, at two small rows.
    expect(run.while).toEqual({ ...NOTHING, state: 2 });
  });

  it('expire a few at a time where they have many postings', async () => {
    const { clock, ledger, head } = await startHolds({ behindMs: 30 * SECOND });
    const accounts = await Promise.all(
      Array.from({ length: 600 }, (_, i) =>
        ledger.accept(OpenAccount, { name: `${i}`, type: 'liability', currency: 'USD' }),
      ),
    );
    const postings = accounts.map(({ id: accountId }, i) => ({
      ...{ accountId, amount: '1' },
      direction: i % 2 === 0 ? ('debit' as const) : ('credit' as const),
    }));
    const large = { description: 'Large', postings, expiresAt: clock.in(SECOND) };
    await Promise.all(Array.from({ length: 8 }, () => ledger.accept(PlaceHold, large)));
    const before = head();
    clock.ms += 2 * SECOND;
    const { serviceState, ledger: engine } = ledger.open;
    await new HoldExpiry(serviceState, engine).run();
    const expired = await logOf(ledger, before);
    expect(expired).toHaveLength(8);
    const commands = Map.groupBy(expired, (event) => event.command_id);
    // 2,000 postings each at most.
    expect([...commands.values()].map((events) => events.length)).toEqual([3, 3, 2]);
  });

  it('expire however many callers read, and for how long', async () => {
    const databases = await cloneDatabases();
    const { ledger, clock, place } = await startHolds({ databases, behindMs: 40 * SECOND });
    await place('1', SECOND);
    clock.ms += 2 * SECOND;
    await ledger.close();
    const { open } = await startTestService({ databases, features, runs: true });
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const readers = Array.from({ length: 20 }, () => open.stateReader.read(() => ended));
    try {
      await waitFor('the hold to expire', async () =>
        (await logOf(ledger)).some(({ type }) => type === 'HoldExpired'),
      );
    } finally {
      end();
      await Promise.all(readers);
    }
  });
});
