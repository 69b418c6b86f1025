import { countingTurns } from '../../../test/harness/loop-turns';
import type { BufferedSession } from '../session/buffered-session';
import type { AppendedEvent } from './event-log';
import { encodeInSlices, encodeLog } from './sealed';

const EVENTS = 1_000;

function eventAt(position: number): AppendedEvent {
  const id = `00000000-0000-7000-8000-${String(position).padStart(12, '0')}`;
  const time = '2026-01-01T00:00:00.000Z';
  return {
    ...{ position, eventId: id, commandId: id, type: 'NoteTaken', version: 1 },
    ...{ occurredAt: time, recordedAt: time, actor: 'ann', hash: 'ab'.repeat(32) },
    ...{ correlationId: null, causationId: null, data: {}, canonicalData: `{"n":${position}}` },
  };
}

it('the events of a large batch are encoded in slices, and come to the same', async () => {
  const events = Array.from({ length: EVENTS }, (_, i) => eventAt(i + 1));
  const session = { takeAppended: () => [] } as unknown as BufferedSession;
  const { result, turns } = await countingTurns(() => encodeInSlices(events, session));
  expect(turns).toBeGreaterThanOrEqual(Math.floor(EVENTS / 256));
  expect(result.log.take()).toEqual(encodeLog(events, [], []));
});
