import type { BooksReport } from '../../src/proof/runs/verify-books';

const NOBODY = '00000000-0000-4000-8000-000000000000';
const TIME = '2026-01-31T10:00:00.000Z';

/** What runs may find that the books of a test never have. */
export const FOUND = {
  chain: { ok: false, brokenAt: 7 },
  log: [{ kind: 'event_changed', position: 7, detail: 'The event is another one' }],
  tables: [
    {
      ...{ table: 'accounts', liveRows: 4, rebuiltRows: 5, missing: 1, extra: 0, changed: 1 },
      firstDivergingPosition: 3,
      samples: [
        { key: 'account_no=1', column: null, live: null, rebuilt: '{"account_no": 1}' },
        { key: 'account_no=2', column: 'name', live: 'Mallory', rebuilt: 'Alice' },
      ],
    },
  ],
  tasks: {
    ...{ matched: 3, missing: 1, extra: 0, amended: 0, executed: 0, firstDifference: 3 },
    samples: [{ position: 3, ordinal: 0, kind: 'missing', name: 'order.confirmation-upload' }],
  },
  doom: {
    ...{ position: 8, eventId: NOBODY, type: 'AccountOpened', error: 'Cannot be' },
    neighbours: [
      { position: 9, eventId: NOBODY, type: 'AccountClosed', version: 1, recordedAt: TIME },
    ],
  },
  checkpoints: {
    ...{ location: '/somewhere', read: 2, agreed: 1, problemCount: 1, log: [] },
    newestAgreed: { name: 'checkpoint-7', position: 7, time: TIME },
    problems: [{ name: 'checkpoint-8', problem: 'is not signed' }],
  },
} as const satisfies Partial<BooksReport>;
