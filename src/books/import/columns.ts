import { ImportError, type ImportPlan } from './import-plan';

/** Columns that every file has. */
const REQUIRED = ['date', 'account_id', 'amount'] as const;
/** Columns that have a place of their own; all others are metadata. */
export const OWN_COLUMNS: ReadonlySet<string> = new Set(['transaction_id', ...REQUIRED]);
/** Characters of a field. */
export const VALUE_LENGTH = 500;
const NAME_LENGTH = 64;
const MAX_FURTHER = 50;

/** Names that say what an amount means; to take them for metadata would be a guess. */
const MEANINGFUL: readonly { names: RegExp; option: string }[] = [
  { names: /^(currency|currency[ _-]?code|ccy)$/i, option: '--currency-column COLUMN' },
  {
    names: /^((transaction|booking|payment)[ _-]?)?(status|state)$/i,
    option: '--status COLUMN=BOOKED,…',
  },
  {
    names: /^(debit|credit|side|direction|dr_cr|debit_?credit|credit_?debit|cdtdbtind)$/i,
    option: 'an amount with its sign',
  },
];

/**
 * The columns of a file's first line.
 * @throws ImportError where one is missing, unfit, there twice, or means what the plan leaves open
 */
export function checkColumns(
  columns: readonly string[],
  file: string,
  plan: ImportPlan,
): readonly string[] {
  const { status, currencyColumn, metadataColumns } = plan;
  const mapped = [status?.column, currencyColumn].filter((name) => name !== undefined);
  const missing = [...REQUIRED, ...mapped, ...metadataColumns].filter(
    (name) => !columns.includes(name),
  );
  if (missing.length > 0) {
    throw new ImportError(`${file} lacks the column ${missing.join(', ')} in its first line`);
  }
  const double = columns.find((name, i) => columns.indexOf(name) !== i);
  if (double !== undefined) throw new ImportError(`${file} has the column "${double}" twice`);
  const further = columns.filter((name) => !OWN_COLUMNS.has(name));
  const isUnfit = (name: string) =>
    name.length === 0 || name.length > NAME_LENGTH || /["\\\p{Cc}]/u.test(name);
  const unfit = further.find(isUnfit);
  if (unfit !== undefined) {
    throw new ImportError(`${file} has a column name that is empty, too long or odd: "${unfit}"`);
  }
  if (further.length > MAX_FURTHER) {
    throw new ImportError(`${file} has more than ${MAX_FURTHER} further columns`);
  }
  const explained = new Set([...mapped, ...metadataColumns]);
  for (const name of further.filter((column) => !explained.has(column))) {
    const meaning = MEANINGFUL.find(({ names }) => names.test(name.trim()));
    if (!meaning) continue;
    throw new ImportError(
      `${file} has a column "${name}": give ${meaning.option}, ` +
        `or --metadata "${name}" where it says nothing about the amount`,
    );
  }
  return columns;
}
