import { BesideWriters } from './beside-writers';

/** Milliseconds of one step of the simulated time. */
const STEP_MS = 1;
const SECONDS = 30;
/** Reads that would be made without end, as many at once as may. */
const AT_ONCE = 10;
/** After so long a batch is committed. */
const COMMIT_MS = 30;

/** So few writes a second are done before the next one comes. */
const FEW = 20;

interface Machine {
  /** Events a second while nobody reads. */
  readonly writersAlone: number;
  /** What is left of that while reads are under way. */
  readonly left: number;
  /** How long a read takes while so many others are under way, in milliseconds. */
  readonly readMs: number;
  /** What a batch has; nothing is known of a part of it, and of the whole only so much later. */
  readonly batch: number;
}

/** Callers of one kind of reads, and what they have of it. */
interface Kind {
  readonly pace: BesideWriters;
  readonly readMs: number;
  readonly ends: number[];
  readonly callers: number[];
  reads: number;
  readingMs: number;
  waitedMs: number;
}

/** One step of the time for one kind. */
function step(kind: Kind, now: number, thinkMs: number): void {
  const { pace, ends, callers } = kind;
  while (ends.length > 0 && ends[0]! <= now) {
    ends.shift();
    pace.passed();
    callers.push(now + thinkMs);
  }
  while (callers.length > 0 && callers[0]! <= now && ends.length < AT_ONCE) {
    if (pace.waitMs() > 0) {
      kind.waitedMs += STEP_MS;
      break;
    }
    callers.shift();
    pace.took();
    ends.push(now + kind.readMs);
    kind.reads++;
  }
  if (ends.length > 0) kind.readingMs += STEP_MS;
}

/**
 * What writers wrote and for how long reads of each kind were under way, as parts of what they
 * could have.
 */
function run(machine: Machine, readers = [AT_ONCE], thinkMs = 0) {
  let now = 0;
  let written = 0;
  const done = Array.from({ length: COMMIT_MS }, () => 0);
  const position = () => Math.floor(done[0]! / machine.batch) * machine.batch;
  let [last, lastAt] = [0, 0];
  const stalledMs = () => (machine.writersAlone > FEW ? now - lastAt : 0);
  const kinds = readers.map((count, i): Kind => {
    const pace = new BesideWriters({ position, stalledMs }, () => now);
    const callers = Array.from({ length: count }, () => 0);
    const readMs = machine.readMs * (i + 1);
    return { pace, callers, readMs, ends: [], reads: 0, readingMs: 0, waitedMs: 0 };
  });
  const paces = kinds.map(({ pace }) => pace);
  paces.forEach((pace) => pace.shareWith(paces.filter((other) => other !== pace)));
  for (; now < SECONDS * 1000; now += STEP_MS) {
    for (const kind of kinds) step(kind, now, thinkMs);
    const reading = kinds.filter(({ ends }) => ends.length > 0).length;
    written += (machine.writersAlone * machine.left ** reading * STEP_MS) / 1000;
    done.push(written);
    done.shift();
    if (position() > last) [last, lastAt] = [position(), now];
  }
  const all = machine.writersAlone * SECONDS;
  const [first] = kinds;
  return {
    writers: all === 0 ? 1 : written / all,
    readers: kinds.map(({ readingMs }) => readingMs / (SECONDS * 1000)),
    waitedMs: first!.waitedMs / first!.reads,
  };
}

describe('reads beside writers', () => {
  it.each([0.1, 0.17, 0.3, 0.58])(
    'leave them seven tenths, where %d of their pace is left while all read',
    (left) => {
      const { writers, readers } = run({ writersAlone: 1_500, left, readMs: 60, batch: 32 });
      expect(writers).toBeGreaterThan(0.7);
      // And take what is left: so much time, of which they have the better part for themselves.
      expect(readers[0]! * (1 - left)).toBeGreaterThan(0.22);
    },
  );

  it.each([0.2, 0.3, 0.58])('of two kinds leave as much, where each leaves %d', (left) => {
    const machine = { writersAlone: 1_500, left, readMs: 40, batch: 32 };
    const { writers, readers } = run(machine, [AT_ONCE, AT_ONCE]);
    expect(writers).toBeGreaterThan(2 / 3);
    for (const reading of readers) expect(reading).toBeGreaterThan(0.12);
  });

  it('hardly rest where they take little of them', () => {
    const { writers, readers } = run({ writersAlone: 1_500, left: 0.8, readMs: 20, batch: 32 });
    expect(writers).toBeGreaterThan(0.8);
    expect(readers[0]).toBeGreaterThan(0.8);
  });

  it('never rest on an idle ledger, nor beside a few writes', () => {
    for (const writersAlone of [0, 10]) {
      const { readers } = run({ writersAlone, left: 0.5, readMs: 20, batch: 1 });
      expect(readers[0]).toBeGreaterThan(0.99);
    }
  });

  it('of one caller who does something else between them do not wait', () => {
    const machine = { writersAlone: 1_500, left: 0.5, readMs: 5, batch: 32 };
    const { waitedMs } = run(machine, [1], 15);
    expect(waitedMs).toBeLessThan(1);
  });

  describe('one by one', () => {
    let now = 0;
    let position = 0;
    let stalledMs = 0;
    let pace: BesideWriters;
    beforeEach(() => {
      pace = new BesideWriters({ position: () => position, stalledMs: () => stalledMs }, () => now);
    });
    const pass = (ms: number, perSecond: number) => {
      now += ms;
      position += (ms * perSecond) / 1000;
    };
    /** How long they rest. */
    const rest = (perSecond: number) => {
      const began = now;
      for (let ms = pace.waitMs(); ms > 0; ms = pace.waitMs()) pass(ms, perSecond);
      return now - began;
    };
    const read = (ms: number, perSecond: number) => {
      pace.took();
      pass(ms, perSecond);
      pace.passed();
    };

    it('rest for a look where somebody begins to write, and soon never where nobody does', () => {
      read(500, 0);
      expect(rest(0)).toBe(0);
      read(500, 300);
      expect(rest(1_000)).toBe(300);
      read(200, 300);
      rest(1_000);
      read(200, 300);
      expect(rest(1_000)).toBeGreaterThan(200);
      for (let i = 0; i < 15; i++) {
        read(200, 0);
        rest(0);
      }
      read(200, 0);
      expect(rest(0)).toBe(0);
    });

    it('rest where writers are starved from the start', () => {
      stalledMs = 100;
      pace.took();
      pass(150, 0);
      expect(pace.waitMs()).toBe(2_850);
      pace.passed();
      expect(rest(1_000)).toBeGreaterThan(100);
      // What they do alone is known now.
      read(200, 0);
      expect(rest(1_000)).toBeGreaterThan(400);
      // They have gone.
      stalledMs = 0;
      read(200, 0);
      expect(rest(0)).toBe(0);
    });

    it('begin no more after a while, and rest for two seconds at most', () => {
      pass(1_000, 1_000);
      pace.took();
      pace.took();
      expect(pace.waitMs()).toBe(0);
      pass(150, 100);
      expect(pace.waitMs()).toBe(2_850);
      pace.passed();
      expect(pace.waitMs()).toBe(2_850);
      pass(800, 100);
      pace.passed();
      expect(rest(1_000)).toBeGreaterThan(1_900);
      // One that takes very long is not waited for.
      pace.took();
      pass(3_000, 100);
      expect(pace.waitMs()).toBe(0);
    });
  });
});
