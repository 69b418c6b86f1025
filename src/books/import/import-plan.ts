import { basename, extname } from 'node:path';
import { ACCOUNT_TYPES, type AccountType } from '../accounts/account.events';
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
  /** Names the import: rows of the same name and transaction id are the same transaction. */
  readonly name: string;
  /** Code of a currency; every amount of the file is in it. */
  readonly currency: string;
  /** Type of the accounts that are opened for the file's account ids. */
  readonly accountType: AccountType;
  /** The client id of a row's account is this and the row's account id. */
  readonly accountPrefix: string;
  /** Whether accounts that do not exist are opened; else their rows are refused. */
  readonly createAccounts: boolean;
  /** The other side by the row's kind. */
  readonly against: ReadonlyMap<string, CounterAccount>;
  /** The other side of all other kinds; undefined: rows of other kinds are refused. */
  readonly counter: CounterAccount | undefined;
}

/** The same as texts, as a command line has them. */
export interface ImportTexts {
  readonly file: string;
  readonly name?: string | undefined;
  readonly currency?: string | undefined;
  readonly accountType?: string | undefined;
  readonly accountPrefix?: string | undefined;
  readonly createAccounts?: boolean | undefined;
  /** `KIND=CLIENTID:TYPE` each. */
  readonly against?: readonly string[] | undefined;
  /** `CLIENTID:TYPE`. */
  readonly counter?: string | undefined;
}

const NAME = /^[A-Za-z0-9._-]{1,32}$/;
const MAX_NAME_LENGTH = 32;
const PREFIX = /^[A-Za-z0-9._:-]{0,48}$/;

/** @throws ImportError naming the first option that is wrong */
export function importPlan(texts: ImportTexts): ImportPlan {
  const name = texts.name ?? nameOf(texts.file);
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
  const createAccounts = texts.createAccounts ?? false;
  return { name, currency, accountType, accountPrefix, createAccounts, against, counter };
}

/** The file's name without folder and extension, in the letters that a client id may have. */
function nameOf(file: string): string {
  const bare = basename(file, extname(file)).replaceAll(/[^A-Za-z0-9._-]/g, '-');
  return bare.slice(0, MAX_NAME_LENGTH);
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
