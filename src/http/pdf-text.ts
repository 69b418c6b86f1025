import { readFileSync } from 'node:fs';
import { create, type Font } from 'fontkit';

/** The characters that every reader of PDF has fonts for; what is in these costs least. */
const WIN_ANSI = /^[ -~¡-ÿ€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]*$/;
/** What is shown instead of a character that no font has. */
const REPLACEMENT = '\ufffd';
/** What has no place on paper: it joins or formats others, or says how they are to be drawn. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
const SPACE = /[\p{Cc}\p{Z}]/u;
const MARK = /\p{M}/u;

/** A font of the fonts' package: Latin, Cyrillic, Greek, Hebrew, Arabic, Armenian, Georgian… */
const DEJAVU_FILE = 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf';

interface WideFont {
  readonly bytes: Buffer;
  readonly font: Font;
}
let wide: WideFont | undefined;

/** Read with the first document and kept: 0.8 MB. */
export function wideFont(): WideFont {
  if (wide) return wide;
  const bytes = readFileSync(require.resolve(DEJAVU_FILE));
  return (wide = { bytes, font: create(bytes) as Font });
}

/** Whether a text is of characters that every reader of PDF has fonts for. */
export function isPlain(text: string): boolean {
  return WIN_ANSI.test(text);
}

/**
 * A text as paper can have it: lines alone divide it, and each character is one that a font has, or
 * else {@link REPLACEMENT}.
 */
export function printable(text: string): string {
  const spaced = text.replaceAll(/\r\n?|[\u2028\u2029]/g, '\n');
  if (isPlain(spaced)) return spaced;
  let shown = '';
  for (const character of spaced) {
    if (character === '\n') shown += character;
    else if (SPACE.test(character)) shown += ' ';
    else if (INVISIBLE.test(character)) continue;
    else shown += isKnown(character) ? character : REPLACEMENT;
  }
  return shown;
}

function isKnown(character: string): boolean {
  return isPlain(character) || wideFont().font.hasGlyphForCodePoint(character.codePointAt(0)!);
}

/**
 * A text in lines of a width: divided at spaces, and within a word that is longer than a line.
 * @param widthOf a character, in the unit of the width
 */
export function wrapped(
  text: string,
  width: number,
  widthOf: (character: string) => number,
): string[] {
  return text.split('\n').flatMap((line) => wrappedLine(line, width, widthOf));
}

function wrappedLine(
  line: string,
  width: number,
  widthOf: (character: string) => number,
): string[] {
  const lines: string[] = [];
  let current = '';
  let used = 0;
  const end = () => {
    lines.push(current.trimEnd());
    current = '';
    used = 0;
  };
  for (const word of line.split(/(?<= )/)) {
    const visible = word.trimEnd();
    const needed = sumOf(visible, widthOf);
    if (used > 0 && used + needed > width) end();
    if (needed <= width) {
      current += word;
      used += needed + (word.length - visible.length) * widthOf(' ');
      continue;
    }
    for (const character of word) {
      const own = widthOf(character);
      // A mark stays with the letter that it belongs to.
      if (used > 0 && used + own > width && !MARK.test(character)) end();
      current += character;
      used += own;
    }
  }
  end();
  return lines;
}

function sumOf(text: string, widthOf: (character: string) => number): number {
  let sum = 0;
  for (const character of text) sum += widthOf(character);
  return sum;
}
