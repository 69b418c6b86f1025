import { ACCOUNT_TYPES, type AccountType } from '../accounts/account.events';
import { normalSide } from '../accounts/account.view';
import { isClientId } from '../../engine/define/reference';
import { CURRENCY_PATTERN } from '../../money/currency';

/** What was asked for cannot be imported; `message` is one sentence for the person who asked. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}

/** The account that takes the other side of a row. */
export interface CounterAccount {
  readonly clientId: string;
  readonly type: AccountType;
}

/** How the rows of a file become transactions. */
export interface ImportPlan {
  /** What the client ids of the transactions begin with. */
  readonly name: string;
  /** Of the file's text, as the WHATWG names it. */
  readonly encoding: string;
  /** Code of a currency; every amount that is posted is in it. */
  readonly currency: string;
  /** Type of the accounts of the file's account ids, also of those that exist. */
  readonly accountType: AccountType;
  /** What a positive amount does to the row's account. */
  readonly positive: 'debit' | 'credit';
  /** The client id of a row's account is this and the row's account id. */
  readonly accountPrefix: string;
  /** Whether accounts that do not exist are opened; else their rows are refused. */
  readonly createAccounts: boolean;
  /** The other side by the row's kind. */
  readonly against: ReadonlyMap<string, CounterAccount>;
  /** The other side of all other kinds; undefined: rows of other kinds are refused. */
  readonly counter: CounterAccount | undefined;
  /** Rows whose column has another value are left out. */
  readonly status: { readonly column: string; readonly booked: ReadonlySet<string> } | undefined;
  /** Names each row's currency; rows of others are refused. */
  readonly currencyColumn: string | undefined;
  /** Columns that are metadata, whatever their names seem to say. */
  readonly metadataColumns: readonly string[];
  /** Whether everything is tried and nothing is kept. */
  readonly isDryRun: boolean;
}

/** The same as texts, as a command line has them. */
export interface ImportTexts {
  readonly name?: string | undefined;
  readonly currency?: string | undefined;
  readonly accountType?: string | undefined;
  readonly accountPrefix?: string | undefined;
  readonly createAccounts?: boolean | undefined;
  /** `KIND=CLIENTID:TYPE` each. */
  readonly against?: readonly string[] | undefined;
  /** `CLIENTID:TYPE`. */
  readonly counter?: string | undefined;
  /** What a positive amount does to the row's account; default: it raises its balance. */
  readonly sign?: string | undefined;
  /** `COLUMN=VALUE,…`. */
  readonly status?: string | undefined;
  readonly currencyColumn?: string | undefined;
  readonly metadata?: readonly string[] | undefined;
  readonly encoding?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

const NAME = /^[A-Za-z0-9._-]{1,32}$/;
const DEFAULT_NAME = 'import';
const PREFIX = /^[A-Za-z0-9._:-]{0,48}$/;

/** @throws ImportError naming the first option that is wrong */
export function importPlan(texts: ImportTexts): ImportPlan {
  const name = texts.name ?? DEFAULT_NAME;
  check(NAME.test(name), `--name must be 1 to 32 of A-Z a-z 0-9 . _ -, not "${name}"`);
  const accountPrefix = texts.accountPrefix ?? `${name}:`;
  check(PREFIX.test(accountPrefix), '--account-prefix must be 0 to 48 of A-Z a-z 0-9 . _ : -');
  const { currency } = texts;
  check(currency !== undefined, '--currency is missing: the code of one, such as CZK');
  const isCode = CURRENCY_PATTERN.test(currency);
  check(isCode, `--currency must be the code of a currency, not "${currency}"`);
  const against = new Map<string, CounterAccount>();
  for (const text of texts.against ?? []) {
    const at = text.indexOf('=');
    check(at > 0, `--against must have the form KIND=CLIENTID:TYPE, not "${text}"`);
    against.set(text.slice(0, at), counterAccount('--against', text.slice(at + 1)));
  }
  const counter =
    texts.counter === undefined ? undefined : counterAccount('--counter', texts.counter);
  check(
    counter !== undefined || against.size > 0,
    '--counter is missing: CLIENTID:TYPE of the account that takes the other side of the rows',
  );
  const accountType = accountTypeOf('--account-type', texts.accountType ?? 'liability');
  const positive = texts.sign ?? normalSide(accountType);
  check(
    positive === 'debit' || positive === 'credit',
    `--sign must be debit or credit, what a positive amount does, not "${positive}"`,
  );
  return {
    ...{ name, encoding: encodingOf(texts.encoding) },
    ...{ currency, accountType, positive, accountPrefix, against, counter },
    createAccounts: texts.createAccounts ?? false,
    status: texts.status === undefined ? undefined : statusOf(texts.status),
    currencyColumn: texts.currencyColumn,
    metadataColumns: texts.metadata ?? [],
    isDryRun: texts.dryRun ?? false,
  };
}

function statusOf(text: string): ImportPlan['status'] {
  const at = text.indexOf('=');
  const booked = new Set(text.slice(at + 1).split(','));
  check(at > 0 && !booked.has(''), `--status must have the form COLUMN=VALUE,…, not "${text}"`);
  return { column: text.slice(0, at), booked };
}

function encodingOf(label = 'utf-8'): string {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    throw new ImportError(`--encoding must be one that the WHATWG names, not "${label}"`);
  }
}

function counterAccount(option: string, text: string): CounterAccount {
  // A client id may contain colons; a type has none.
  const at = text.lastIndexOf(':');
  const clientId = text.slice(0, Math.max(at, 0));
  check(isClientId(clientId), `${option} must have the form CLIENTID:TYPE, not "${text}"`);
  return { clientId, type: accountTypeOf(option, text.slice(at + 1)) };
}

function accountTypeOf(option: string, text: string): AccountType {
  const type = ACCOUNT_TYPES.find((t) => t === text);
  check(
    type !== undefined,
    `${option} must name a type of ${ACCOUNT_TYPES.join(', ')}, not "${text}"`,
  );
  return type;
}

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ImportError(message);
}
