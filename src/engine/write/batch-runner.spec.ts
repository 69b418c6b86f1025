import { BookDays } from '../../money/book-days';
import { defineCreator, type Command, type Creator } from '../define/creator';
import { defineEvent, GENESIS } from '../define/event';
import { defineFeature } from '../define/feature';
import { systemClock } from '../define/ids';
import { defineMaterializer } from '../define/materializer';
import { Refusal } from '../define/refusal';
import { Registry } from '../define/registry';
import { QueuedCommand, type Batch } from './batch';
import { BatchRunner } from './batch-runner';
import { NoRoomForAnswer } from './execution';
import type { LedgerParts } from './ledger-parts';

const LIMIT = 10_000;
const PageWritten = defineEvent<{ text: string }>('PageWritten');

/** A small request that becomes an event of so many characters. */
const WritePage = defineCreator<number, void>({
  name: 'WritePage',
  run: async (context, length) => {
    if (length < 0) throw new Refusal('not_found', 'no page');
    await context.append(PageWritten, { text: 'x'.repeat(length) });
  },
});

const feature = defineFeature({
  name: 'pages',
  materializers: [defineMaterializer(PageWritten, 1, () => undefined)],
  creators: [WritePage],
});

/** A runner without databases, and what it gave back. */
function startRunner() {
  const complaints: unknown[] = [];
  const complain = (details: object) => void complaints.push(details);
  const left: QueuedCommand[] = [];
  const parts = {
    registry: new Registry([feature]),
    clock: systemClock,
    days: new BookDays('UTC'),
    limits: { batchBytesLimit: LIMIT },
    path: { head: GENESIS, lastRecordedAt: '' },
    log: { warn: complain, error: complain },
  } as unknown as LedgerParts;
  const runner = new BatchRunner(parts, (commands) => void left.push(...commands));
  return { runner, left, complaints };
}

function write(length: number, options: Partial<Command> = {}): QueuedCommand {
  const creator = WritePage as unknown as Creator;
  const queued = new QueuedCommand({ creator, input: length, actor: 'ann', ...options });
  queued.outcome.catch(() => undefined);
  return queued;
}

const pagesOf = (batch: Batch) => batch.execution!.events.length;

describe('a batch of small requests', () => {
  it('has no more of them once what they became is large; the others are of the next', async () => {
    const { runner, left, complaints } = startRunner();
    const commands = Array.from({ length: 10 }, () => write(4_000));
    const batch = runner.begin(undefined);
    batch.take(commands);
    await runner.runAhead(batch);
    expect([batch.size, batch.executed, pagesOf(batch)]).toEqual([3, 3, 3]);
    expect(batch.bytes).toBeGreaterThan(LIMIT);
    expect(left).toEqual(commands.slice(3));
    await runner.sealAhead(batch);
    expect(batch.state.name).toBe('sealed ahead');
    expect(complaints).toEqual([]);
  });

  it('has one that is larger than all of it alone', async () => {
    const { runner, left } = startRunner();
    const batch = runner.begin(undefined);
    batch.take([write(3 * LIMIT), write(1)]);
    await runner.runAhead(batch);
    expect([batch.size, batch.executed, left.length]).toEqual([1, 1, 1]);
  });

  it('counts what was made and undone: the answers of dry runs are as large', async () => {
    const { runner, left } = startRunner();
    const batch = runner.begin(undefined);
    batch.take(Array.from({ length: 10 }, () => write(4_000, { dryRun: true })));
    await runner.runAhead(batch);
    expect([batch.size, pagesOf(batch), left.length]).toEqual([3, 0, 7]);
  });
});

describe('a command for whose answer there is no room', () => {
  it('does not happen, and it alone', async () => {
    const { runner } = startRunner();
    const asked: number[] = [];
    const reserve = (hasRoom: boolean) => (bytes: number) => {
      asked.push(bytes);
      return hasRoom;
    };
    const batch = runner.begin(undefined);
    const commands = [
      write(100, { reserve: reserve(true) }),
      write(2_000, { reserve: reserve(false) }),
      write(-1, { reserve: reserve(false) }),
      write(200, { reserve: reserve(true) }),
    ];
    batch.take(commands);
    await runner.runAhead(batch);
    expect([batch.executed, pagesOf(batch)]).toEqual([4, 2]);
    await runner.sealAhead(batch);
    batch.waitForLocks();
    batch.keepRun();
    batch.flush();
    batch.commitLog();
    batch.commitState();
    batch.committed();
    batch.answer();
    expect(await commands[0]!.outcome).toMatchObject({ kind: 'accepted', position: 1 });
    await expect(commands[1]!.outcome).rejects.toThrow(NoRoomForAnswer);
    expect(await commands[2]!.outcome).toMatchObject({ kind: 'refused' });
    expect(await commands[3]!.outcome).toMatchObject({ kind: 'accepted', position: 2 });
    // About what the event has; nothing is answered to a refusal.
    expect(asked).toHaveLength(3);
    for (const [i, length] of [100, 2_000, 200].entries()) {
      expect(asked[i]! - length).toBeGreaterThan(0);
      expect(asked[i]! - length).toBeLessThan(1_000);
    }
  });
});
