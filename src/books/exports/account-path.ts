import type { AccountType } from '../accounts/account.events';
import type { JournalAccount } from './journal-format';

/** What the accounts of a type are below: beancount wants these, and the others know them. */
const ROOTS: Readonly<Record<AccountType, string>> = {
  asset: 'Assets',
  liability: 'Liabilities',
  equity: 'Equity',
  income: 'Income',
  expense: 'Expenses',
};

/** The levels above an account; a group that begins with the type does not say it twice. */
function levelsOf({ type, group }: JournalAccount): string[] {
  const [root, groups] = [ROOTS[type], group?.split(':') ?? []];
  const isSaid = [type, root.toLowerCase()].includes(groups[0]?.toLowerCase() ?? '');
  return [root, ...groups.slice(isSaid ? 1 : 0)];
}

/** A text on one line, with single spaces. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Z}\p{Cc}]+/gu, ' ').trim();
}

/**
 * The path of an account in a plain text journal: `Assets:cash:17 Till`. The number is that of the
 * account, so that a path is unique whatever accounts are called, and the same in every journal
 * until the account's own name or group changes. A colon would begin another level, and a semicolon
 * a comment.
 */
export function plainPath(account: JournalAccount): string {
  const name = oneLine(account.name.replaceAll(':', '.').replaceAll(';', ','));
  return [...levelsOf(account), `${account.no} ${name}`.trimEnd()].join(':');
}

/** Letters and digits that every version of Unicode has, and beancount's parser knows. */
const NO_LETTERS = new RegExp(
  '[^A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02c1\u0391-\u03a1\u03a3-\u03ce\u0401-\u044f' +
    '\u0451-\u045f\u05d0-\u05ea\u0621-\u064a\u0904-\u0939\u0e01-\u0e30\u3041-\u3096' +
    '\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3]+',
  'gu',
);

function beancountSegment(text: string): string {
  return text.normalize('NFC').replace(NO_LETTERS, '-').replace(/^-|-$/g, '');
}

/**
 * The same path as beancount takes it: `Assets:Cash:17-Till`. Levels begin with a capital or a
 * digit, and have letters, digits and hyphens alone.
 */
export function beancountPath(account: JournalAccount): string {
  const [root, ...groups] = levelsOf(account);
  const levels = groups.map(beancountSegment).filter((segment) => segment !== '');
  const capitals = levels.map((segment) => segment[0]!.toUpperCase() + segment.slice(1));
  const leaf = [account.no, beancountSegment(account.name)].filter((part) => part !== '');
  return [root, ...capitals, leaf.join('-')].join(':');
}
