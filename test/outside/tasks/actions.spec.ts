import { sql } from 'kysely';
import { setTimeout as delay } from 'node:timers/promises';
import { OpenAccount, type OpenAccountInput } from '../../../src/books/accounts/account.creators';
import { openPool, ROLES } from '../../../src/database/connections';
import { runAdminCommand, type AdminCommand } from '../../../src/engine/write/admin-command';
import type { Outcome } from '../../../src/engine/define/creator';
import { Refusal } from '../../../src/engine/define/refusal';
import type { TaskDatabase } from '../../../src/outside/tasks/task-database';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger, type TestLedger } from '../../harness/ledger';

const TIMEOUTS = { lockTimeoutMs: 5_000, statementTimeoutMs: 10_000 };
const ACCOUNT: OpenAccountInput = { name: 'An account', type: 'asset', currency: 'USD' };

interface CommandRow {
  creator: string;
  outcome: string;
  idempotency_key: string | null;
}

/** A command whose effect is a row of a table that the role may write. */
interface Acts {
  /** Runs a command; its effect adds a row under a new name, and `then` may say no. */
  readonly act: (
    command?: Partial<AdminCommand>,
    then?: () => void,
    position?: number,
  ) => Promise<Outcome<string>>;
  /** The effects that were kept. */
  readonly kept: () => Promise<string[]>;
  readonly remembered: () => Promise<CommandRow[]>;
}

async function startActs(): Promise<Acts & { ledger: TestLedger }> {
  const ledger = await startTestLedger({ databases: await cloneDatabases() });
  const { urls } = ledger.databases;
  const db = openPool<TaskDatabase>(urls.log, ROLES.taskWorker, TIMEOUTS, 8, () => undefined);
  ledger.databases.onEnd(() => db.destroy());
  let acts = 0;
  return {
    ledger,
    act: (command, then, position = 0) =>
      runAdminCommand(
        db,
        { name: 'Act', input: { on: 'something' }, actor: 'tester', ...command },
        position,
        async (transaction) => {
          const effect = `effect ${++acts}`;
          await sql`
            insert into task_dispatch (name, position, ordinal)
            values (${effect}, 0, 0)`.execute(transaction);
          then?.();
          return effect;
        },
      ),
    kept: async () => {
      const rows = await query<{ name: string }>(urls.log, 'select name from task_dispatch');
      return rows.map((row) => row.name).sort();
    },
    remembered: () =>
      query(urls.log, 'select creator, outcome, idempotency_key from command_log order by 1, 2, 3'),
  };
}

const refuse = (code: string) => () => {
  throw new Refusal(code, 'No', { index: 3 });
};

describe('a command that changes no books', () => {
  it('happens, and is in the command log without any event', async () => {
    const { act, kept, remembered, ledger } = await startActs();
    const outcome = await act();
    expect(outcome).toEqual({ kind: 'accepted', answer: 'effect 1', position: 0, isHit: false });
    expect(await kept()).toEqual(['effect 1']);
    expect(await remembered()).toEqual([
      { creator: 'Act', outcome: 'accepted', idempotency_key: null },
    ]);
    expect(ledger.open.ledger.head.position).toBe(0);
  });

  it('answers a repeated key with the first answer and the first position', async () => {
    const { act, kept } = await startActs();
    const first = await act({ idempotencyKey: 'one' });
    const again = await act({ idempotencyKey: 'one' }, undefined, 9);
    expect(again).toEqual({ ...first, isHit: true });
    expect(await kept()).toEqual(['effect 1']);
  });

  it('remembers a no under its key, and does not ask again', async () => {
    const { act, kept, remembered } = await startActs();
    const first = await act({ idempotencyKey: 'no' }, refuse('task_not_failed'));
    expect(first).toMatchObject({ kind: 'refused', isHit: false, position: 0 });
    const again = await act({ idempotencyKey: 'no' }, undefined, 9);
    expect(again).toMatchObject({
      kind: 'refused',
      refusal: { code: 'task_not_failed', detail: 'No', details: { index: 3 } },
      isHit: true,
      position: 0,
    });
    expect(await kept()).toEqual([]);
    expect(await remembered()).toEqual([
      { creator: 'Act', outcome: 'refused', idempotency_key: 'no' },
    ]);
  });

  it('forgets a request that was not valid', async () => {
    const { act, kept } = await startActs();
    const first = await act({ idempotencyKey: 'k' }, refuse('validation_failed'));
    expect(first).toMatchObject({ kind: 'refused', isHit: false });
    const second = await act({ idempotencyKey: 'k' });
    expect(second).toMatchObject({ kind: 'accepted', isHit: false });
    expect(await kept()).toEqual(['effect 2']);
  });

  it('leaves nothing of a dry run, and its key free', async () => {
    const { act, kept, remembered } = await startActs();
    const dry = await act({ idempotencyKey: 'dry', dryRun: true });
    expect(dry).toMatchObject({ kind: 'accepted', answer: 'effect 1', isHit: false });
    const no = await act({ idempotencyKey: 'dry', dryRun: true }, refuse('not_found'));
    expect(no).toMatchObject({ kind: 'refused', isHit: false });
    expect(await kept()).toEqual([]);
    expect(await remembered()).toEqual([]);
    const real = await act({ idempotencyKey: 'dry' });
    expect(real).toMatchObject({ kind: 'accepted', isHit: false });
    const dryAgain = await act({ idempotencyKey: 'dry', dryRun: true });
    expect(dryAgain).toMatchObject({ answer: 'effect 3', isHit: true });
    expect(await kept()).toEqual(['effect 3']);
  });

  it('leaves nothing of what nobody foresaw', async () => {
    const { act, kept, remembered } = await startActs();
    const fail = () => {
      throw new TypeError('unforeseen');
    };
    await expect(act({ idempotencyKey: 'k' }, fail)).rejects.toThrow('unforeseen');
    expect(await kept()).toEqual([]);
    expect(await remembered()).toEqual([]);
    const next = await act({ idempotencyKey: 'k' });
    expect(next).toMatchObject({ kind: 'accepted', isHit: false });
  });

  it('happens once where its key comes many times at the same moment', async () => {
    const { act, kept } = await startActs();
    for (let round = 0; round < 5; round++) {
      const idempotencyKey = `round ${round}`;
      const all = Array.from({ length: 8 }, () => act({ idempotencyKey }));
      const outcomes = await Promise.all(all);
      expect(outcomes.filter((o) => !o.isHit)).toHaveLength(1);
      expect(new Set(outcomes.map((o) => o.kind === 'accepted' && o.answer)).size).toBe(1);
      expect(await kept()).toHaveLength(round + 1);
    }
  });
});

describe('a key', () => {
  const REUSED = { kind: 'refused', refusal: { code: 'idempotency_key_reused' }, isHit: false };

  it('belongs to one command: its name and its input', async () => {
    const { act, kept } = await startActs();
    await act({ idempotencyKey: 'k' });
    expect(await act({ idempotencyKey: 'k', input: { on: 'another' } })).toMatchObject(REUSED);
    expect(await act({ idempotencyKey: 'k', name: 'Undo' })).toMatchObject(REUSED);
    const other = await act({ idempotencyKey: 'k', actor: 'another' });
    expect(other).toMatchObject({ kind: 'accepted', isHit: false });
    expect(await kept()).toHaveLength(2);
  });

  it('of a creator’s command is no command’s of another kind, nor the reverse', async () => {
    const { act, kept, ledger } = await startActs();
    await ledger.accept(OpenAccount, ACCOUNT, { idempotencyKey: 'of the books' });
    expect(await act({ idempotencyKey: 'of the books' }, undefined, 1)).toMatchObject(REUSED);
    expect(await kept()).toEqual([]);
    await act({ idempotencyKey: 'of the tasks' }, undefined, 1);
    const refusal = await ledger.refuse(OpenAccount, ACCOUNT, { idempotencyKey: 'of the tasks' });
    expect(refusal.code).toBe('idempotency_key_reused');
    expect(ledger.open.ledger.head.position).toBe(1);
  });

  it('goes to one of the two where both come at the same moment', async () => {
    const { act, kept, ledger } = await startActs();
    let opened = 0;
    const ROUNDS = 20;
    for (let round = 0; round < ROUNDS; round++) {
      const options = { idempotencyKey: `round ${round}` };
      const books = ledger.submit(OpenAccount, ACCOUNT, options);
      // Earlier or later than the other's commit, in one round or another.
      const tasks = delay(round % 10).then(() => act(options));
      const [ofBooks, ofTasks] = await Promise.all([books, tasks]);
      const refused = [ofBooks, ofTasks].filter((o) => o.kind === 'refused');
      expect(refused).toMatchObject([REUSED]);
      if (ofBooks.kind === 'accepted') opened++;
    }
    expect(ledger.open.ledger.head.position).toBe(opened);
    expect(await kept()).toHaveLength(ROUNDS - opened);
  });
});
