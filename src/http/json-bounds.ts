import { invalidRequest } from './problem';
import { pointerStep } from './shape-compiler';

/** How deep objects and lists may stand in each other; ours stand five deep. */
const MAX_DEPTH = 32;
/** Members of one object; metadata has 50 at most. */
const MAX_MEMBERS = 256;
/** Members of all objects and items of all lists; the smallest postings have 300,000 in 4 MiB. */
const MAX_VALUES = 350_000;
/** Bytes of a name; a key of metadata has 384 at most, with every character escaped. */
const MAX_NAME_BYTES = 1_024;
/** Different names in one text: V8 keeps each, and the shapes of objects that they make. */
const MAX_DIFFERENT_NAMES = 10_000;
/** A shorter text does not have so many. */
const MANY_NAMES_BYTES = MAX_DIFFERENT_NAMES * '"":1,'.length;
/** Names are told apart by a hash; of 10,000 it takes one in fifteen for another. */
const NAME_HASHES = 65_536;
/** Numbers outside of strings, where no amount is one: dear to parse, the more the longer. */
const MAX_NUMBERS = 10_000;
const MAX_NUMBER_BYTES = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const LETTER_U = 0x75;
const MINUS = 0x2d;

/** An object or a list that has begun, and where in it the scan is. */
interface Level {
  readonly isList: boolean;
  /** Values before this one. */
  index: number;
  /** Where the name of this member begins; -1 before it was seen. */
  nameAt: number;
}

/**
 * Looks through the bytes of a JSON text for what would be dear to parse, or could not be stored:
 * a parser knows no bounds, and whatever it has begun holds up everybody. What is no JSON is left
 * to the parser.
 * @throws Refusal `validation_failed` with a pointer to the place
 */
export function refuseUnbounded(bytes: Buffer): void {
  const scan = new Scan(bytes);
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) at = scan.passText(at);
    else if (byte === COMMA) scan.comma();
    else if (byte === COLON) scan.colon();
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) scan.open(byte === OPEN_LIST);
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) scan.close();
    else if (byte === MINUS || isDigit(byte)) at = scan.passNumber(at);
  }
}

/** Where a scan is in a text, and what it has counted. */
class Scan {
  private readonly levels: Level[] = [];
  private level: Level | undefined;
  private values = 0;
  private numbers = 0;
  private textAt = 0;
  private textEnd = 0;
  private differentNames = 0;
  /** 1 for every hash of a name that was there; only of long texts. */
  private readonly hashes: Uint8Array | undefined;

  constructor(private readonly bytes: Buffer) {
    if (bytes.length > MANY_NAMES_BYTES) this.hashes = new Uint8Array(NAME_HASHES);
  }

  /** @returns where the string ends */
  passText(at: number): number {
    this.textAt = at;
    const end = endOfText(this.bytes, at + 1);
    if (end === UNSTORABLE) this.refuse(UNSTORABLE_TEXT);
    this.textEnd = end;
    return end;
  }

  /** @returns where the number ends */
  passNumber(at: number): number {
    let end = at;
    while (isOfNumber(this.bytes[end + 1])) end++;
    if (end - at >= MAX_NUMBER_BYTES) this.refuse('must be a shorter number');
    if (++this.numbers > MAX_NUMBERS) this.refuse(`is one of more than ${MAX_NUMBERS} numbers`);
    return end;
  }

  /** What comes before a colon is a name. */
  colon(): void {
    const { level, textAt, textEnd } = this;
    if (!level) return;
    if (textEnd - textAt > MAX_NAME_BYTES) this.refuse('must not have a member of so long a name');
    level.nameAt = textAt;
    if (this.hashes) this.countName(this.hashes);
  }

  private countName(hashes: Uint8Array): void {
    let hash = 0;
    for (let at = this.textAt + 1; at < this.textEnd; at++) {
      hash = Math.imul(hash ^ this.bytes[at]!, 0x01000193);
    }
    const slot = (hash ^ (hash >>> 16)) & (NAME_HASHES - 1);
    if (hashes[slot] === 1) return;
    hashes[slot] = 1;
    if (++this.differentNames > MAX_DIFFERENT_NAMES) {
      this.refuse(`is one of more than ${MAX_DIFFERENT_NAMES} names`);
    }
  }

  comma(): void {
    const { level } = this;
    if (!level) return;
    level.nameAt = -1;
    level.index++;
    if (!level.isList && level.index >= MAX_MEMBERS) {
      this.refuse(`must not have more than ${MAX_MEMBERS} members`);
    }
    this.count();
  }

  open(isList: boolean): void {
    if (this.levels.length === MAX_DEPTH) {
      this.refuse(`must not be nested more than ${MAX_DEPTH} deep`);
    }
    this.level = { isList, index: 0, nameAt: -1 };
    this.levels.push(this.level);
    this.count();
  }

  close(): void {
    this.levels.pop();
    this.level = this.levels.at(-1);
  }

  private count(): void {
    if (++this.values > MAX_VALUES) this.refuse(`is one of more than ${MAX_VALUES} values`);
  }

  private refuse(message: string): never {
    const pointer = this.levels.map((level) => stepInto(this.bytes, level)).join('');
    throw invalidRequest({ pointer, message });
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Whether a byte can go on a number: a digit, `.`, `e`, `E`, `+` or `-`. */
function isOfNumber(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (
    isDigit(byte) || byte === 0x2e || (byte | 0x20) === 0x65 || byte === 0x2b || byte === MINUS
  );
}

/** What a byte is worth as a hexadecimal digit; NaN: it is none. */
const HEX_DIGITS = Array.from({ length: 256 }, (_, byte) => {
  const digit = String.fromCharCode(byte);
  return /[\da-f]/i.test(digit) ? Number.parseInt(digit, 16) : Number.NaN;
});
const UNSTORABLE = -1;
const UNSTORABLE_TEXT = 'must not contain NUL characters or unpaired surrogates';

/** Where the closing quote of a string is, or {@link UNSTORABLE}. */
function endOfText(bytes: Buffer, from: number): number {
  let at = from;
  for (; at < bytes.length && bytes[at] !== QUOTE; at++) {
    if (bytes[at] !== BACKSLASH) continue;
    at++;
    if (bytes[at] !== LETTER_U) continue;
    // In well-formed UTF-8 such characters can only be written as escapes.
    const unit = unitAt(bytes, at + 1);
    const isPair = isHighSurrogate(unit) && isEscape(bytes, at + 5);
    if (isPair && isLowSurrogate(unitAt(bytes, at + 7))) at += 10;
    else if (unit === 0 || isHighSurrogate(unit) || isLowSurrogate(unit)) return UNSTORABLE;
    else at += 4;
  }
  return at;
}

function isEscape(bytes: Buffer, at: number): boolean {
  return bytes[at] === BACKSLASH && bytes[at + 1] === LETTER_U;
}

/** The UTF-16 unit that four hexadecimal digits stand for; NaN where they are none. */
function unitAt(bytes: Buffer, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) unit = unit * 16 + (HEX_DIGITS[bytes[i] ?? 0] ?? Number.NaN);
  return unit;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** The step of a JSON pointer from an object or a list to where the scan is in it. */
function stepInto(bytes: Buffer, { isList, index, nameAt }: Level): string {
  if (isList) return `/${index}`;
  if (nameAt < 0) return '';
  const written = bytes.toString('utf8', nameAt, endOfText(bytes, nameAt + 1) + 1);
  try {
    return pointerStep(JSON.parse(written) as string);
  } catch {
    return '';
  }
}
