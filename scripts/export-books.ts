import { pipeline } from 'node:stream/promises';
import { Config } from '../src/config';
import { isError } from '../src/database/errors';
import { migrate } from '../src/database/migrator';
import { openLedger, type OpenLedger } from '../src/engine/open-ledger';
import { positionAt } from '../src/engine/write/log-times';
import { features } from '../src/features';
import { isCalendarDate } from '../src/money/calendar-date';
import { readInstant } from '../src/money/instant';
import { journalOf } from '../src/books/exports/journal';
import {
  JOURNAL_FORMATS,
  journalFormats,
  type JournalFormatName,
} from '../src/books/exports/journal-formats';
import { writeWhole } from '../src/proof/transfer/whole-file';
import { openDatabases, parseCommandLine, runScript, UsageError } from './run-script';

const DONE = 0;
const STDOUT = '-';

const HELP = `npm run export-books -- --format hledger|ledger|beancount|csv [options] [FILE]

Writes the journal of the books: accounts and transactions by effective date, then position. Without
FILE, or with "-", it goes to standard output; a FILE whose name ends in .gz is compressed, and has
its name only once it is whole.

  --from DATE               the first effective date (YYYY-MM-DD); what accounts had before it is a
                            transaction of that day for each currency
  --to DATE                 the last one
  --at-position POSITION    as it was known after that event
  --at TIME                 the same by a time (RFC 3339)
`;

const text = { type: 'string' } as const;
const options = {
  ...{ format: text, from: text, to: text, 'at-position': text, at: text },
  help: { type: 'boolean', default: false },
} as const;

interface Wanted {
  readonly format: JournalFormatName;
  readonly file: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly atPosition: number | undefined;
  readonly at: string | undefined;
}

runScript(async () => {
  const { values, positionals } = parseCommandLine({ options, allowPositionals: true });
  if (values.help) {
    process.stdout.write(HELP);
    return DONE;
  }
  const wanted = wantedOf(values, positionals);
  const config = Config.load();
  const urls = await openDatabases(config);
  await migrate(urls);
  const { engine: limits, timeZone } = config;
  const open = await openLedger({
    ...{ urls, features, limits, timeZone, reads: { cheap: 1 } },
    log: { warn: report('warning'), error: report('error') },
  });
  try {
    const position = await positionOf(open, wanted);
    await write(open, wanted, position);
    process.stderr.write(`Exported the books as known at position ${position}.\n`);
  } finally {
    await open.close();
  }
  return DONE;
});

/** @throws UsageError */
function wantedOf(
  values: { readonly [Name in 'format' | 'from' | 'to' | 'at-position' | 'at']?: string },
  positionals: readonly string[],
): Wanted {
  const { format, from, to, 'at-position': atPosition, at } = values;
  const [file = STDOUT, ...more] = positionals;
  if (!isFormat(format) || more.length > 0) {
    throw new UsageError('Give a format and one file at most: see npm run export-books -- --help');
  }
  for (const day of [from, to]) {
    if (day !== undefined && !isCalendarDate(day)) throw new UsageError(`${day} is no day`);
  }
  if (from !== undefined && to !== undefined && from > to) {
    throw new UsageError('--to must not be before --from');
  }
  if (at !== undefined && readInstant(at) === undefined) throw new UsageError(`${at} is no time`);
  if (at !== undefined && atPosition !== undefined) {
    throw new UsageError('--at must not stand beside --at-position');
  }
  if (atPosition !== undefined && !/^[1-9]\d{0,14}$/.test(atPosition)) {
    throw new UsageError(`${atPosition} is no position`);
  }
  const known = atPosition === undefined ? undefined : Number(atPosition);
  return { format, file, from, to, atPosition: known, at };
}

function isFormat(format: string | undefined): format is JournalFormatName {
  return (JOURNAL_FORMATS as readonly (string | undefined)[]).includes(format);
}

/** @throws UsageError where the books have not come that far */
async function positionOf(open: OpenLedger, { atPosition, at }: Wanted): Promise<number> {
  const { position } = await open.stateReader.readOne(() => Promise.resolve());
  if (at !== undefined) return positionAt(open.logReader, readInstant(at)!, position);
  if ((atPosition ?? 0) <= position) return atPosition ?? position;
  throw new UsageError(`--at-position must not be above the ledger's position, ${position}`);
}

async function write(open: OpenLedger, wanted: Wanted, position: number): Promise<void> {
  const { format, file, from, to } = wanted;
  const pieces = journalOf(
    async (run) => (await open.stateReader.read(run)).value,
    { from, to, position },
    journalFormats[format](),
  );
  if (file === STDOUT) await pipeline(pieces, process.stdout, { end: false });
  else await writeWhole(file, pieces);
}

function report(level: string) {
  return (details: object, message: string) => {
    const { err } = details as { err?: unknown };
    const reason = isError(err) ? `: ${err.message}` : '';
    process.stderr.write(`${level}: ${message}${reason}\n`);
  };
}
