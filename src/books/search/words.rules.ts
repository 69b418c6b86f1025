/** Characters of a word that count: of longer ones the beginning is compared. */
export const WORD_CHARACTERS = 64;

/** White space, controls, and what joins or selects glyphs. */
const NOTHINGS =
  '\\s\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f' +
  '\\ufe00-\\ufe0f\\ufeff';
/** What divides words and is none. */
const NOTHING = new RegExp(`[${NOTHINGS}]`, 'u');
/** What every text with a word in it has. */
export const WORD_PATTERN = `[^${NOTHINGS}]`;
/**
 * What is a word by itself: punctuation and symbols, and the characters of scripts that put no
 * space between words. Ranges, and not classes of Unicode, whose next version has other members:
 * what an event was kept under must be the same in every rebuild.
 */
const SINGLE = new RegExp(
  '[!-/:-@\\[-`{-~\\u00a1-\\u00a9\\u00ab\\u00ac\\u00ae-\\u00b1' +
    '\\u00b4\\u00b6-\\u00b8\\u00bb\\u00bf' +
    '\\u00d7\\u00f7\\u0e00-\\u0e7f\\u2000-\\u206f\\u20a0-\\u20cf\\u2100-\\u2bff\\u2e00-\\u30ff' +
    '\\u3400-\\u9fff\\uf900-\\ufaff\\u{1f000}-\\u{1faff}\\u{20000}-\\u{3ffff}]',
  'u',
);

const [LETTER, DIVIDER, SYMBOL] = [0, 1, 2];

/** In which classes the characters of ASCII are, which nearly all texts are made of. */
const ASCII = Array.from({ length: 128 }, (_, code) => classOf(String.fromCharCode(code)));

function classOf(character: string): number {
  if (NOTHING.test(character)) return DIVIDER;
  return SINGLE.test(character) ? SYMBOL : LETTER;
}

/**
 * The words of a text in lower case: what stands between spaces, but every punctuation mark and
 * symbol is one of its own. So `INV-4711` has `inv`, `-` and `4711`, and a `%` is looked for like
 * anything else.
 */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  let word = '';
  for (const character of text.normalize('NFC').toLowerCase()) {
    const code = character.charCodeAt(0);
    const kind = code < 128 ? ASCII[code]! : classOf(character);
    if (kind === LETTER) {
      word += character;
      continue;
    }
    if (word !== '') words.push(cut(word));
    word = '';
    if (kind === SYMBOL) words.push(character);
  }
  if (word !== '') words.push(cut(word));
  return words;
}

function cut(word: string): string {
  if (word.length <= WORD_CHARACTERS) return word;
  const isHalved = endsInHalf(word, WORD_CHARACTERS);
  return word.slice(0, isHalved ? WORD_CHARACTERS - 1 : WORD_CHARACTERS);
}

/** Whether the beginning of a text that has so many units ends in the middle of a character. */
export function endsInHalf(text: string, units: number): boolean {
  return /[\ud800-\udbff]/.test(text[units - 1] ?? '');
}

/** Whether every one of some words is one of others, or the beginning of one. */
export function haveWords(words: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((one) => words.some((word) => word.startsWith(one)));
}
