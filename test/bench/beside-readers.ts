import { setMaxListeners } from 'node:events';
import { readTrialBalance } from '../../src/books/reports/trial-balance.queries';
import { TransactionPosted } from '../../src/books/transactions/transaction.events';
import { LedgerUnavailable } from '../../src/engine/define/refusal';
import type { OpenLedger } from '../../src/engine/open-ledger';
import { listEvents } from '../../src/outside/events/event.queries';
import { measureTransfers, type ChoosePair } from './engine-load';
import { median } from './report';

const WRITERS = 64;
const READERS = 40;
/** Every account of it was opened before the transfers, so the whole log is looked through. */
const RARE_TYPE = 'AccountOpened';
const AS_OF = '9999-12-31';
const PAGE = 51;

/** Transfers and reads a second, of each kind alone and of both side by side; medians. */
export interface BesideReaders {
  readonly writersAlone: number;
  readonly writersBeside: number;
  readonly readersAlone: number;
  readonly readersBeside: number;
}

/** Measures writers and expensive readers in turn alone and side by side. */
export async function measureBesideReaders(
  open: OpenLedger,
  pair: ChoosePair,
  rounds: number,
  durationMs: number,
): Promise<BesideReaders> {
  const found = { writersAlone: [], writersBeside: [], readersAlone: [], readersBeside: [] };
  const rates: Record<keyof BesideReaders, number[]> = found;
  const write = async () => (await measureTransfers(open, pair, WRITERS, durationMs)).perSecond;
  // The log grows; what is read does not.
  const upTo = open.ledger.head.position;
  for (let round = 0; round < rounds; round++) {
    rates.writersAlone.push(await write());
    rates.readersAlone.push(await measureReads(open, upTo, durationMs));
    const [writers, readers] = await Promise.all([write(), measureReads(open, upTo, durationMs)]);
    rates.writersBeside.push(writers);
    rates.readersBeside.push(readers);
  }
  const medians = Object.entries(rates).map(([name, values]) => [name, median(values)]);
  return Object.fromEntries(medians) as BesideReaders;
}

/** Has many read as the API does: trial balances by date, and events of a rare type. */
async function measureReads(open: OpenLedger, upTo: number, durationMs: number): Promise<number> {
  const leaving = new AbortController();
  const { signal } = leaving;
  setMaxListeners(READERS, signal);
  const options = { cost: 'expensive', signal } as const;
  const known = { type: TransactionPosted.type, positions: [] };
  const filter = { types: [RARE_TYPE], known };
  const range = { least: Math.ceil(upTo / 10), most: upTo, order: 'asc' } as const;
  const began = performance.now();
  let reads = 0;
  let last = began;
  const kinds = [
    () =>
      open.stateReader.read((db) => readTrialBalance(db, { asOf: AS_OF, position: upTo }), options),
    () =>
      open.callersLog.read(
        (log) => listEvents(log, open.registry, range, filter, { limit: PAGE }),
        options,
      ),
  ];
  const loop = async (reader: number) => {
    while (!signal.aborted) {
      try {
        await kinds[reader % kinds.length]!();
        reads++;
        last = performance.now();
      } catch (error) {
        // One that has waited for too long asks again.
        if (!signal.aborted && !(error instanceof LedgerUnavailable)) throw error;
      }
    }
  };
  const end = setTimeout(() => leaving.abort(new Error('over')), durationMs);
  await Promise.all(Array.from({ length: READERS }, (_, i) => loop(i))).finally(() =>
    clearTimeout(end),
  );
  // What the end cut off counts neither as read nor as time.
  return reads === 0 ? 0 : (reads * 1000) / (last - began);
}

/** What writers and readers keep of their rates alone. */
export function shares(rates: BesideReaders): string {
  const percent = (beside: number, alone: number) => Math.round((100 * beside) / alone);
  const writers = percent(rates.writersBeside, rates.writersAlone);
  const readers = percent(rates.readersBeside, rates.readersAlone);
  return (
    `${writers} % of the ${Math.round(rates.writersAlone)} alone, ` +
    `the readers ${readers} % of their ${rates.readersAlone.toFixed(1)} reads/s, in turn`
  );
}
