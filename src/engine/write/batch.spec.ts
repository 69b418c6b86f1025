import { AssertionError } from 'node:assert';
import type { Command } from '../define/creator';
import { Batch, QueuedCommand } from './batch';
import { assertFollows, NEXT_STATES, type StateName } from './batch-state';
import type { Execution } from './execution';

const STATES = Object.keys(NEXT_STATES) as StateName[];

/** An execution that wrote something, without any database. */
function pretended({ isEmpty = false, failsToSeal = false } = {}): Execution {
  return {
    isEmpty,
    commands: [{ row: { command_id: 'c1' } }],
    forgetPrevious: () => undefined,
    seal: () => {
      if (failsToSeal) throw new Error('no form');
      return { log: [], state: [], events: [], head: { position: 1, hash: '' } };
    },
  } as unknown as Execution;
}

function queued(bytes = 0): QueuedCommand {
  const command = new QueuedCommand({ bytes } as Command);
  command.outcome.catch(() => undefined);
  return command;
}

const done = { outcome: { kind: 'accepted', answer: 1, position: 1, isHit: false } } as const;

/** Every method that changes the state, and the states that it may come from. */
const STEPS: Record<string, { from: StateName[]; step: (batch: Batch) => unknown }> = {
  take: {
    from: ['collecting', 'running ahead', 'stopped ahead'],
    step: (batch) => batch.take([queued()]),
  },
  leaveRest: {
    from: ['running ahead', 'running under locks'],
    step: (batch) => batch.leaveRest(),
  },
  stopAhead: { from: ['running ahead'], step: (batch) => batch.stopAhead() },
  sealAhead: { from: ['running ahead'], step: (batch) => batch.sealAhead() },
  forgetRun: { from: ['running ahead'], step: (batch) => batch.forgetRun() },
  waitForLocks: {
    from: ['collecting', 'stopped ahead', 'sealed ahead'],
    step: (batch) => batch.waitForLocks(),
  },
  keepRun: { from: ['waiting for locks'], step: (batch) => batch.keepRun() },
  runAgain: { from: ['waiting for locks'], step: (batch) => batch.runAgain(pretended()) },
  seal: { from: ['running under locks'], step: (batch) => batch.seal() },
  flush: { from: ['sealed under locks'], step: (batch) => batch.flush() },
  commitLog: { from: ['flushing'], step: (batch) => batch.commitLog() },
  commitState: { from: ['committing the log'], step: (batch) => batch.commitState() },
  committed: {
    from: ['committing the state', 'in doubt', 'state behind'],
    step: (batch) => batch.committed(),
  },
  answer: { from: ['committed'], step: (batch) => batch.answer() },
  'breakOff, refused': {
    from: [
      ...(['waiting for locks', 'running under locks', 'sealed under locks'] as const),
      ...(['flushing', 'committing the log', 'committing the state'] as const),
    ],
    step: (batch) => batch.breakOff(true),
  },
  'breakOff, unanswered': {
    from: [
      ...(['waiting for locks', 'running under locks', 'sealed under locks'] as const),
      ...(['flushing', 'committing the log', 'committing the state'] as const),
    ],
    step: (batch) => batch.breakOff(false),
  },
  isolate: { from: ['undone'], step: (batch) => batch.isolate() },
  fail: { from: ['undone', 'in doubt', 'state behind'], step: (batch) => batch.fail(new Error()) },
};

/** A batch whose one command has run, in a state that it came to by the shortest way. */
function batchIn(state: StateName): Batch {
  const collecting = Batch.collecting(1);
  if (state === 'collecting') return collecting;
  const batch = Batch.runningAhead(1, pretended());
  batch.take([queued()]);
  batch.ran(done);
  const ways: Partial<Record<StateName, readonly (keyof typeof STEPS)[]>> = {
    'running ahead': [],
    'stopped ahead': ['stopAhead'],
    'sealed ahead': ['sealAhead'],
    'waiting for locks': ['sealAhead', 'waitForLocks'],
    'running under locks': ['stopAhead', 'waitForLocks', 'keepRun'],
    'sealed under locks': ['sealAhead', 'waitForLocks', 'keepRun'],
    undone: ['sealAhead', 'waitForLocks', 'breakOff, refused'],
    isolated: ['sealAhead', 'waitForLocks', 'breakOff, refused', 'isolate'],
    failed: ['sealAhead', 'waitForLocks', 'breakOff, refused', 'fail'],
  };
  const written = ['sealAhead', 'waitForLocks', 'keepRun', 'flush', 'commitLog', 'commitState'];
  const ofWritten: Partial<Record<StateName, readonly string[]>> = {
    flushing: written.slice(0, 4),
    'committing the log': written.slice(0, 5),
    'committing the state': written,
    'in doubt': [...written.slice(0, 5), 'breakOff, unanswered'],
    'state behind': [...written, 'breakOff, refused'],
    committed: [...written, 'committed'],
    answered: [...written, 'committed', 'answer'],
  };
  for (const name of ways[state] ?? ofWritten[state]!) STEPS[name]!.step(batch);
  expect(batch.state.name).toBe(state);
  return batch;
}

describe('the states of a batch', () => {
  it.each(STATES.flatMap((from) => STATES.map((to) => [from, to] as const)))(
    'lead from "%s" to "%s" only where the table says so',
    (from, to) => {
      const follow = () => assertFollows(from, to);
      if (NEXT_STATES[from].includes(to)) expect(follow).not.toThrow();
      else expect(follow).toThrow(AssertionError);
    },
  );

  it('have an end that every one of them leads to, and no way back from it', () => {
    const ends = STATES.filter((state) => NEXT_STATES[state].length === 0);
    expect(ends).toEqual(['answered', 'isolated', 'failed']);
    const reachable = (from: StateName, seen: readonly StateName[] = []): StateName[] =>
      seen.includes(from)
        ? []
        : [from, ...NEXT_STATES[from].flatMap((to) => reachable(to, [...seen, from]))];
    for (const state of STATES) {
      expect(reachable(state).some((to) => ends.includes(to))).toBe(true);
    }
  });

  it('are all come to by some method of a batch, and by no other way', () => {
    const found = new Set<string>();
    for (const from of STATES) {
      for (const { from: states, step } of Object.values(STEPS)) {
        const batch = batchIn(from);
        if (states.includes(from)) step(batch);
        if (batch.state.name !== from) found.add(`${from} → ${batch.state.name}`);
      }
    }
    // Of a batch that has nothing to write.
    found.add('sealed under locks → committed');
    const table = STATES.flatMap((from) => NEXT_STATES[from].map((to) => `${from} → ${to}`));
    expect([...found].sort()).toEqual(table.sort());
  });

  it('let nobody say that nothing happened once the log is committed', () => {
    const later = ['committing the state', 'committed', 'answered'] as const;
    for (const state of later) {
      expect(NEXT_STATES[state]).not.toContain('undone');
      expect(NEXT_STATES[state]).not.toContain('failed');
    }
  });
});

describe('Batch', () => {
  it.each(
    Object.entries(STEPS).flatMap(([name, { from }]) =>
      STATES.map((s) => [name, s, from] as const),
    ),
  )('%s from "%s"', (name, state, from) => {
    const batch = batchIn(state);
    const step = () => STEPS[name]!.step(batch);
    if (from.includes(state)) return expect(step).not.toThrow();
    expect(step).toThrow(AssertionError);
    expect(batch.state.name).toBe(state);
  });

  it('is isolated into single commands, which are not isolated further', () => {
    const batch = batchIn('undone');
    const [command] = batch.isolate();
    const single = Batch.ofOne(2, command!);
    expect(single.state.name).toBe('waiting for locks');
    single.breakOff(false);
    expect(() => single.isolate()).toThrow(AssertionError);
  });

  it('commits without writing only what has nothing to write', () => {
    const run = (isEmpty: boolean) => {
      const batch = Batch.runningAhead(1, pretended({ isEmpty }));
      batch.sealAhead();
      batch.waitForLocks();
      batch.keepRun();
      return batch;
    };
    expect(() => run(false).committed()).toThrow(AssertionError);
    expect(() => run(true).flush()).toThrow(AssertionError);
    const empty = run(true);
    empty.committed();
    expect(empty.state.name).toBe('committed');
  });

  it('forgets what ran ahead where it has no form, or ran on another history', () => {
    const batch = Batch.runningAhead(1, pretended({ failsToSeal: true }));
    batch.take([queued(), queued()]);
    batch.ran(done);
    expect(() => batch.sealAhead()).toThrow(AssertionError);
    batch.ran(done);
    expect(() => batch.ran(done)).toThrow(AssertionError);
    expect(() => batch.sealAhead()).toThrow('no form');
    batch.forgetRun();
    expect([batch.executed, batch.notRun.length]).toEqual([0, 2]);
    batch.waitForLocks();
    expect(() => batch.keepRun()).toThrow(AssertionError);
    batch.runAgain(pretended());
    expect(() => batch.seal()).toThrow(AssertionError);
  });

  it('leaves commands that have not been run to others, with their bytes', () => {
    const batch = Batch.runningAhead(1, pretended());
    const commands = [queued(100), queued(20), queued(3)];
    batch.take(commands);
    batch.ran(done);
    expect([batch.bytes, batch.leaveRest()]).toEqual([123, commands.slice(1)]);
    expect([batch.bytes, batch.size, batch.notRun]).toEqual([100, 1, []]);
    expect(batch.leaveRest()).toEqual([]);
    batch.sealAhead();
  });

  it('decides by where it failed what that means', () => {
    const after = (state: StateName, isRefused: boolean) => batchIn(state).breakOff(isRefused);
    expect(after('flushing', false)).toEqual({ name: 'undone' });
    expect(after('committing the log', true)).toEqual({ name: 'undone' });
    expect(after('committing the log', false)).toEqual({ name: 'in doubt', commandIds: ['c1'] });
    for (const isRefused of [true, false]) {
      const behind = { name: 'state behind', commandIds: ['c1'] };
      expect(after('committing the state', isRefused)).toEqual(behind);
    }
  });

  it('gives the next one its keys while it is written, and not once that failed', () => {
    for (const state of STATES) {
      const isOver = ['collecting', 'committed', 'answered', 'undone'].includes(state);
      const isLost = ['in doubt', 'state behind', 'isolated', 'failed'].includes(state);
      expect([state, batchIn(state).execution !== undefined]).toEqual([state, !isOver && !isLost]);
    }
  });

  it('tells every caller what its command came to', async () => {
    const batch = Batch.runningAhead(1, pretended());
    const commands = [queued(), queued()];
    batch.take(commands);
    batch.ran(done);
    batch.ran({ error: new Error('its own') });
    for (const name of [
      'sealAhead',
      'waitForLocks',
      'keepRun',
      'flush',
      'commitLog',
      'commitState',
    ]) {
      STEPS[name]!.step(batch);
    }
    batch.committed();
    batch.answer();
    expect(await commands[0]!.outcome).toEqual(done.outcome);
    await expect(commands[1]!.outcome).rejects.toThrow('its own');
  });
});
