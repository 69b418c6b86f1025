import type { Measurement, Sample } from '../engine/define/measurement';
import type { Ledger } from '../engine/write/ledger';
import type { FeatureParts } from './feature-parts';
import { Metrics } from './metrics';

const NEVER = new Promise<never>(() => undefined);
/** More than a scrape waits, and less than Jest does. */
const BOUND_MS = 4_000;

const ledger = {
  head: { position: 5, hash: '' },
  status: () => ({ queued: 2, failure: undefined }),
  holds: { last: 250, longest: 9_000 },
} as unknown as Ledger;

const NOTES = [
  { metric: 'truebook_notes', labels: { box: 'desk' }, value: 3 },
  { metric: 'truebook_notes', labels: { box: 'shelf' }, value: 1 },
  { metric: 'truebook_notes_taken', value: 9 },
  { metric: 'truebook_notes_age_seconds', value: 2.5 },
];

function notesOf(read: () => Sample[] | Promise<Sample[]>): Measurement {
  return {
    metrics: [
      { name: 'truebook_notes', help: 'Notes in each box', labels: ['box'] },
      { name: 'truebook_notes_taken', help: 'Notes that were taken', kind: 'counter' },
      { name: 'truebook_notes_age_seconds', help: 'Age of the last note' },
    ],
    read,
  };
}

function metricsOf(...measurements: Measurement[]): Metrics {
  const metrics = new Metrics(ledger, { measurements: () => measurements } as FeatureParts);
  metrics.onModuleInit();
  return metrics;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const begin = performance.now();
  const value = await work;
  expect(performance.now() - begin).toBeLessThan(BOUND_MS);
  return value;
}

describe('metrics', () => {
  it('are those of the ledger and of the features', async () => {
    const text = await metricsOf(notesOf(() => NOTES)).text();
    for (const line of [
      '# TYPE truebook_notes gauge',
      'truebook_notes{box="desk"} 3',
      'truebook_notes{box="shelf"} 1',
      '# HELP truebook_notes_taken Notes that were taken',
      '# TYPE truebook_notes_taken counter',
      'truebook_notes_taken 9',
      'truebook_notes_age_seconds 2.5',
      'truebook_ledger_head_position 5',
      'truebook_ledger_queue_length 2',
      'truebook_ledger_lock_hold_last_seconds 0.25',
      'truebook_ledger_lock_hold_longest_seconds 9',
    ]) {
      expect(text).toContain(`\n${line}\n`);
    }
  });

  it('are what they are now, and nothing where there is no sample', async () => {
    let now = NOTES;
    const metrics = metricsOf(notesOf(() => now));
    await metrics.text();
    now = [{ metric: 'truebook_notes', labels: { box: 'shelf' }, value: 0 }];
    const text = await metrics.text();
    expect(text).toContain('\ntruebook_notes{box="shelf"} 0\n');
    expect(text).not.toContain('desk');
    expect(text).not.toMatch(/^truebook_notes_(taken|age_seconds) /m);
  });

  it('are answered by one question', async () => {
    let asked = 0;
    const metrics = metricsOf(
      notesOf(() => {
        asked++;
        return NOTES;
      }),
    );
    await metrics.text();
    expect(asked).toBe(1);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('away'))],
    ['does not answer', () => NEVER],
  ])('are given without those of a question that %s', async (_, read) => {
    const text = await inTime(metricsOf(notesOf(read)).text());
    expect(text).not.toMatch(/^truebook_notes\w*[ {]/m);
    expect(text).toContain('truebook_ledger_head_position 5\n');
  });

  it('forget what they knew when they cannot be read any longer', async () => {
    let isUp = true;
    const read = () => (isUp ? Promise.resolve(NOTES) : Promise.reject(new Error('away')));
    const metrics = metricsOf(notesOf(read));
    expect(await metrics.text()).toMatch(/^truebook_notes\{/m);
    isUp = false;
    expect(await metrics.text()).not.toMatch(/^truebook_notes\{/m);
    isUp = true;
    expect(await metrics.text()).toMatch(/^truebook_notes\{/m);
  });

  it('ask one that is slow once, however often they are asked for', async () => {
    let asked = 0;
    const metrics = metricsOf(
      notesOf(() => {
        asked++;
        return NEVER;
      }),
    );
    await inTime(Promise.all([metrics.text(), metrics.text(), metrics.text()]));
    await inTime(metrics.text());
    expect(asked).toBe(1);
  });

  it('have one name each', () => {
    expect(() =>
      metricsOf(
        notesOf(() => []),
        notesOf(() => []),
      ),
    ).toThrow('truebook_notes');
  });
});
