import createBidi from 'bidi-js';

/** Characters of scripts that are written from right to left. */
const RIGHT_TO_LEFT =
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]|[\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

const bidi = createBidi();

/**
 * The pieces of a line as they stand from left to right, each of one direction and in the order in
 * which it is read: whoever draws letters draws those of one piece in its direction. By the Unicode
 * bidirectional algorithm (UAX 9).
 */
export function piecesOf(line: string): string[] {
  if (!RIGHT_TO_LEFT.test(line)) return [line];
  const { levels } = bidi.getEmbeddingLevels(line);
  const pieces: { text: string; readonly level: number }[] = [];
  for (let i = 0; i < line.length; i++) {
    const level = levels[i]!;
    const last = pieces.at(-1);
    const character = (level % 2 === 1 && bidi.getMirroredCharacter(line[i]!)) || line[i]!;
    if (last?.level === level) last.text += character;
    else pieces.push({ text: character, level });
  }
  // Rule L2: from the highest level down, what stands together at it or above is turned round.
  const highest = Math.max(...pieces.map(({ level }) => level));
  for (let level = highest; level >= 1; level--) {
    for (let from = 0; from < pieces.length; from++) {
      let to = from;
      while (to < pieces.length && pieces[to]!.level >= level) to++;
      if (to - from > 1) pieces.splice(from, to - from, ...pieces.slice(from, to).reverse());
      from = Math.max(from, to);
    }
  }
  return pieces.map(({ text }) => text);
}
