import { expressionBuilder, type Expression, type SqlBool } from 'kysely';
import type { StateSession } from '../../engine/define/state-session';
import { accountTerms, type SearchTables } from './search.table';
import { KINDS, metadataToken } from './terms.rules';
import type { MetadataFilter } from './wanted.rules';
import { wordsOf } from './words.rules';

/** What of an account it is found by. */
export interface FoundAccount {
  readonly account_no: number;
  readonly name: string;
  readonly client_id: string | null;
  readonly metadata: MetadataFilter;
}

const WORD = KINDS.word;
/** Behind every character that a word can go on with. */
const BEHIND = '\u{10ffff}';

/** The words of an account's name and clientId. */
export function accountWords({ name, client_id }: Pick<FoundAccount, 'name' | 'client_id'>) {
  return client_id === null ? wordsOf(name) : [...wordsOf(name), ...wordsOf(client_id)];
}

function termOfMetadata(key: string, value: string): string {
  return metadataToken('accountMetadata', key, value);
}

function termsOf(account: FoundAccount): string[] {
  const words = accountWords(account).map((word) => WORD + word);
  const metadata = Object.entries(account.metadata).map((pair) => termOfMetadata(...pair));
  return [...words, ...metadata];
}

/** Keeps what an account is found by since an event. @param before what it was until then */
export function keepAccountTerms(
  state: Pick<StateSession, 'append'>,
  account: FoundAccount,
  position: number,
  before?: FoundAccount,
): void {
  const known = new Set(before && termsOf(before));
  const { account_no } = account;
  for (const term of new Set(termsOf(account))) {
    if (!known.has(term)) state.append(accountTerms, { term, account_no, position });
  }
}

/** So many words are looked up; accounts that have them are compared with all. */
const MOST_WORDS = 8;

/** The words that say most, each once, and none that another one begins with. */
function telling(words: readonly string[]): string[] {
  const longest = [...new Set(words)].sort((a, b) => b.length - a.length);
  const kept = longest.filter(
    (word, i) => !longest.slice(0, i).some((longer) => longer.startsWith(word)),
  );
  return kept.slice(0, MOST_WORDS);
}

/** Whether an account has, or had, all words, or others that begin like them, and all metadata. */
export function hasTerms(
  accountNo: Expression<number>,
  words: readonly string[],
  metadata: MetadataFilter,
): Expression<SqlBool>[] {
  const eb = expressionBuilder<SearchTables>();
  const terms = eb.selectFrom('account_terms').select('account_no');
  const begun = telling(words).map((word) =>
    eb(
      accountNo,
      'in',
      terms.where('term', '>=', WORD + word).where('term', '<', WORD + word + BEHIND),
    ),
  );
  const equal = Object.entries(metadata).map((pair) =>
    eb(accountNo, 'in', terms.where('term', '=', termOfMetadata(...pair))),
  );
  return [...begun, ...equal];
}
