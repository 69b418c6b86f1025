import { setTimeout as delay } from 'node:timers/promises';
import { defineCreator } from '../../src/engine/define/creator';
import { OpenAccount } from '../../src/books/accounts/account.creators';
import { query } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { startTestLedger, type TestLedger } from '../harness/ledger';
import {
  CountNotes,
  NOTE_TABLES,
  noteFeatures,
  NoteTaken,
  RewriteNote,
  TakeNote,
  TakeNotes,
  ThrowNoteAway,
} from '../harness/notes';

async function startNotes(): Promise<TestLedger> {
  const databases = await cloneDatabases({ stateTables: NOTE_TABLES });
  return startTestLedger({ databases, features: noteFeatures });
}

async function texts(ledger: TestLedger): Promise<string[]> {
  const rows = await query<{ text: string }>(
    ledger.databases.urls.state,
    'select text from state.notes order by text',
  );
  return rows.map((row) => row.text);
}

/** Outcome of each submission: accepted, a refusal's code, or the name of an error. */
async function verdicts(submissions: readonly Promise<{ kind: string }>[]): Promise<string[]> {
  const settled = await Promise.allSettled(submissions);
  return settled.map((s) => {
    if (s.status === 'rejected') return (s.reason as Error & { code?: string }).code ?? 'error';
    const outcome = s.value as { kind: string; refusal?: { code: string } };
    return outcome.refusal?.code ?? outcome.kind;
  });
}

describe('a batch of commands', () => {
  it('loses only the command that was refused or failed after it had appended', async () => {
    const ledger = await startNotes();
    const inputs = [
      { text: 'one' },
      { text: 'refused', then: 'refuse' },
      { text: 'two' },
      { text: 'thrown', then: 'throw' },
      { text: 'three' },
    ] as const;
    const results = await verdicts(inputs.map((input) => ledger.submit(TakeNote, input)));
    expect(results).toEqual(['accepted', 'not_today', 'accepted', 'error', 'accepted']);
    expect(await texts(ledger)).toEqual(['one', 'three', 'two']);
    expect(ledger.open.ledger.head.position).toBe(3);
  });

  it('traces a row that a constraint refuses to its command', async () => {
    const ledger = await startNotes();
    const words = ['a', 'b', 'forbidden', 'c', 'a', 'd'];
    const results = await verdicts(words.map((text) => ledger.submit(TakeNote, { text })));
    expect(results).toEqual(['accepted', 'accepted', '23514', 'accepted', '23505', 'accepted']);
    expect(await texts(ledger)).toEqual(['a', 'b', 'c', 'd']);
    expect(await ledger.accept(TakeNote, { text: 'afterwards' })).toBeDefined();
  });

  it('traces a row that is refused where SQL has to see it, other rows behind it', async () => {
    const ledger = await startNotes();
    const { noteId } = await ledger.accept(TakeNote, { text: 'mine' });
    const account = { name: 'Cash', type: 'asset', currency: 'EUR' } as const;
    const results = await verdicts([
      ledger.submit(TakeNote, { text: 'first' }),
      ledger.submit(RewriteNote, { noteId, text: 'forbidden' }),
      ledger.submit(OpenAccount, account),
      ledger.submit(CountNotes, { text: 'counted' }),
      ledger.submit(TakeNote, { text: 'last' }),
    ]);
    expect(results).toEqual(['accepted', '23514', 'accepted', 'accepted', 'accepted']);
    expect(await texts(ledger)).toEqual(['counted', 'first', 'last', 'mine']);
  });

  it('traces a row that cannot be written down to its command', async () => {
    const ledger = await startNotes();
    const inputs = [{ text: 'one' }, { text: 'two', box: 2 as never }, { text: 'three' }];
    const results = await verdicts(inputs.map((input) => ledger.submit(TakeNote, input)));
    expect(results).toEqual(['accepted', 'error', 'accepted']);
    expect(await texts(ledger)).toEqual(['one', 'three']);
    expect(await ledger.accept(TakeNote, { text: 'afterwards' })).toBeDefined();
  });

  it('has time for each of its commands where it looks for the one', async () => {
    const databases = await cloneDatabases({ stateTables: NOTE_TABLES });
    // A batch may take 2.5 s, and its commands take longer than that, one after the other.
    const limits = { lockTimeoutMs: 500, statementTimeoutMs: 1_000 };
    const ledger = await startTestLedger({ databases, features: noteFeatures, limits });
    const takeSlowly = defineCreator<{ text: string }, null>({
      name: 'TakeSlowly',
      run: async (context, { text }) => {
        await delay(200);
        await context.append(NoteTaken, { noteId: context.newId(), box: 'desk', text });
        return null;
      },
    });
    const words = ['forbidden', ...Array.from({ length: 15 }, (_, i) => `note ${i}`)];
    const results = await verdicts(words.map((text) => ledger.submit(takeSlowly, { text })));
    expect(results).toEqual(['23514', ...Array.from({ length: 15 }, () => 'accepted')]);
  });

  it('does so under load too, where batches run ahead of each other', async () => {
    const ledger = await startNotes();
    const submissions = Array.from({ length: 300 }, (_, i) =>
      ledger.submit(TakeNote, { text: i % 60 === 59 ? 'forbidden' : `note ${i}` }),
    );
    const results = await verdicts(submissions);
    expect(results.map((r, i) => (r === 'accepted' ? -1 : i)).filter((i) => i >= 0)).toEqual([
      59, 119, 179, 239, 299,
    ]);
    expect(await texts(ledger)).toHaveLength(295);
  });

  it('writes what was inserted, changed and removed in one batch as one set', async () => {
    const ledger = await startNotes();
    const { noteId } = await ledger.accept(TakeNote, { text: 'first' });
    const { noteId: gone } = await ledger.accept(TakeNote, { text: 'gone' });
    await Promise.all([
      ledger.accept(RewriteNote, { noteId, text: 'second' }),
      ledger.accept(RewriteNote, { noteId, text: 'third' }),
      ledger.accept(ThrowNoteAway, { noteId: gone }),
      ledger.accept(TakeNote, { text: 'gone' }),
    ]);
    expect(await ledger.refuse(RewriteNote, { noteId: gone, text: 'x' })).toMatchObject({
      code: 'not_found',
    });
    expect(await texts(ledger)).toEqual(['gone', 'third']);
  });
});

describe('a creator with SQL', () => {
  it('sees what was written before it in its batch, and what it wrote itself', async () => {
    const ledger = await startNotes();
    const [, counted, , again] = await Promise.all([
      ledger.accept(TakeNote, { text: 'one' }),
      ledger.accept(CountNotes, { text: 'two' }),
      ledger.accept(TakeNote, { text: 'three' }),
      ledger.accept(CountNotes, { text: 'four' }),
    ]);
    expect(counted).toEqual({ before: 1, after: 2 });
    expect(again).toEqual({ before: 3, after: 4 });
    expect(await texts(ledger)).toEqual(['four', 'one', 'three', 'two']);
  });

  it('is undone alone, in the database too', async () => {
    const ledger = await startNotes();
    const results = await verdicts([
      ledger.submit(TakeNote, { text: 'one' }),
      ledger.submit(CountNotes, { text: 'refused', then: 'refuse' }),
      ledger.submit(TakeNote, { text: 'two' }),
      ledger.submit(CountNotes, { text: 'thrown', then: 'throw' }),
      ledger.submit(TakeNote, { text: 'three' }),
    ]);
    expect(results).toEqual(['accepted', 'not_today', 'accepted', 'error', 'accepted']);
    expect(await texts(ledger)).toEqual(['one', 'three', 'two']);
    expect(await ledger.accept(CountNotes, { text: 'four' })).toEqual({ before: 3, after: 4 });
  });

  it('that violates a constraint fails alone', async () => {
    const ledger = await startNotes();
    const results = await verdicts([
      ledger.submit(TakeNote, { text: 'one' }),
      ledger.submit(CountNotes, { text: 'forbidden' }),
      ledger.submit(CountNotes, { text: 'one' }),
      ledger.submit(TakeNote, { text: 'two' }),
    ]);
    expect(results).toEqual(['accepted', '23514', '23505', 'accepted']);
    expect(await texts(ledger)).toEqual(['one', 'two']);
  });

  it('is not blamed for a row of a command before it that a constraint refuses', async () => {
    const ledger = await startNotes();
    const results = await verdicts([
      ledger.submit(TakeNote, { text: 'one' }),
      ledger.submit(TakeNote, { text: 'forbidden' }),
      ledger.submit(CountNotes, { text: 'two' }),
      ledger.submit(TakeNote, { text: 'three' }),
    ]);
    expect(results).toEqual(['accepted', '23514', 'accepted', 'accepted']);
    expect(await texts(ledger)).toEqual(['one', 'three', 'two']);
  });
});

describe('a creator that runs others', () => {
  it('keeps what the others did, but for those that were refused', async () => {
    const ledger = await startNotes();
    const inputs = [
      { text: 'one' },
      { text: 'refused', then: 'refuse' as const },
      { text: 'counted', count: true },
      { text: 'refused too', then: 'refuse' as const, count: true },
      { text: 'two' },
    ];
    const answer = await ledger.accept(TakeNotes, { inputs });
    expect(answer.codes).toEqual(['accepted', 'not_today', 'accepted', 'not_today', 'accepted']);
    expect(await texts(ledger)).toEqual(['counted', 'one', 'two']);
    const commands = await query<{ creator: string; outcome: string }>(
      ledger.databases.urls.log,
      'select creator, outcome from command_log order by command_id',
    );
    expect(commands.map((c) => `${c.creator} ${c.outcome}`).sort()).toEqual([
      ...['CountNotes accepted', 'CountNotes refused', 'TakeNote accepted', 'TakeNote accepted'],
      ...['TakeNote refused', 'TakeNotes accepted'],
    ]);
  });

  it('is undone with everything that the others did', async () => {
    const ledger = await startNotes();
    await ledger.accept(TakeNote, { text: 'before' });
    const inputs = [
      { text: 'one', key: 'k1' },
      { text: 'two', count: true },
    ];
    expect(await ledger.refuse(TakeNotes, { inputs, then: 'refuse' })).toMatchObject({
      code: 'not_today',
    });
    expect(await texts(ledger)).toEqual(['before']);
    // The key of the undone inner command was not used, then.
    expect(await ledger.submit(TakeNote, { text: 'one' }, { idempotencyKey: 'k1' })).toMatchObject({
      kind: 'accepted',
      isHit: false,
    });
  });

  it('gives the first answer to a key of its own commands', async () => {
    const ledger = await startNotes();
    const inputs = [
      { text: 'one', key: 'a' },
      { text: 'two', key: 'b' },
      { text: 'one', key: 'a' },
      { text: 'other', key: 'b' },
    ];
    const first = await ledger.accept(TakeNotes, { inputs });
    expect(first).toEqual({
      codes: ['accepted', 'accepted', 'accepted', 'idempotency_key_reused'],
      hits: [false, false, true, false],
    });
    // Nothing is left in memory then: the log is asked for the keys.
    await ledger.restart();
    const second = await ledger.accept(TakeNotes, { inputs: inputs.slice(0, 2) });
    expect(second.hits).toEqual([true, true]);
    expect(await texts(ledger)).toEqual(['one', 'two']);
  });
});
