/**
 * Rows in PostgreSQL's binary COPY format, written straight into one buffer. Against the text
 * format it takes half of the server's time for ids, times, hashes and numbers, and a third of
 * ours, because nothing is concatenated and escaped first.
 * https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-BINARY-FORMAT
 */
export class BinaryCopyWriter {
  private buffer = Buffer.allocUnsafe(64 * 1024);
  private end = 0;

  /** Begins a new COPY with the format's signature, no flags and no extension. */
  begin(): void {
    this.end = 0;
    this.reserve(SIGNATURE.length);
    this.end += SIGNATURE.copy(this.buffer, 0);
  }

  /** Whether nothing was written since the beginning. */
  get isEmpty(): boolean {
    return this.end === SIGNATURE.length;
  }

  /** Ends the COPY. @returns a copy of all that was written */
  finish(): Buffer {
    this.reserve(2);
    this.int16(-1);
    return Buffer.from(this.buffer.subarray(0, this.end));
  }

  row(fields: number): void {
    this.reserve(2);
    this.int16(fields);
  }

  nothing(): void {
    this.reserve(4);
    this.int32(-1);
  }

  /** A column of type int4. */
  int(value: number): void {
    this.reserve(8);
    this.int32(4);
    this.int32(value);
  }

  /** A column of type int8; the value is a safe integer. */
  bigint(value: number): void {
    this.reserve(12);
    this.int32(8);
    this.int64(value);
  }

  /** A column of type uuid, from its text form. */
  uuid(text: string): void {
    this.reserve(20);
    this.int32(16);
    this.hexDigits(text, 0, 8);
    this.hexDigits(text, 9, 13);
    this.hexDigits(text, 14, 18);
    this.hexDigits(text, 19, 23);
    this.hexDigits(text, 24, 36);
  }

  /** A column of type bytea, from hex digits. */
  bytes(hex: string): void {
    const length = hex.length / 2;
    this.reserve(4 + length);
    this.int32(length);
    this.hexDigits(hex, 0, hex.length);
  }

  /** A column of type text, json or (with the version byte in front) jsonb. */
  text(value: string, prefix?: number): void {
    // UTF-8 takes three bytes at most for each UTF-16 unit.
    this.reserve(value.length * 3 + 5);
    const start = this.end + 4;
    let at = start;
    if (prefix !== undefined) this.buffer[at++] = prefix;
    at += writeText(this.buffer, value, at);
    this.int32(at - start);
    this.end = at;
  }

  /** A column of type date, from `YYYY-MM-DD`. */
  date(text: string): void {
    this.reserve(8);
    this.int32(4);
    this.int32(daysOf(text));
  }

  /** A column of type timestamptz, from RFC 3339 with milliseconds. */
  timestamp(text: string): void {
    this.reserve(12);
    this.int32(8);
    const { high, low } = microsecondsOf(text);
    this.int32(high);
    this.int32(low);
  }

  /** A column of type numeric with scale 0: base-10,000 digits, the highest first. */
  numeric(value: bigint): void {
    const isNegative = value < 0n;
    const count = base10000(isNegative ? -value : value);
    this.reserve(12 + 2 * count);
    this.int32(8 + 2 * count);
    this.int16(count);
    this.int16(count === 0 ? 0 : count - 1);
    this.int16(isNegative ? 0x4000 : 0);
    this.int16(0);
    for (let i = count - 1; i >= 0; i--) this.int16(groups[i]!);
  }

  /** A column of type int8[]. */
  bigints(values: readonly number[]): void {
    this.reserve(24 + 12 * values.length);
    this.int32(20 + 12 * values.length);
    this.int32(1);
    this.int32(0);
    this.int32(INT8_OID);
    this.int32(values.length);
    this.int32(1);
    for (const value of values) {
      this.int32(8);
      this.int64(value);
    }
  }

  // What follows writes into bytes that have been reserved.

  private int16(value: number): void {
    const { buffer } = this;
    buffer[this.end++] = value >> 8;
    buffer[this.end++] = value;
  }

  private int32(value: number): void {
    const { buffer } = this;
    buffer[this.end++] = value >> 24;
    buffer[this.end++] = value >> 16;
    buffer[this.end++] = value >> 8;
    buffer[this.end++] = value;
  }

  private int64(value: number): void {
    this.int32(Math.floor(value / 0x1_0000_0000) | 0);
    this.int32(value | 0);
  }

  private hexDigits(text: string, start: number, end: number): void {
    const { buffer } = this;
    let at = this.end;
    for (let i = start; i < end; i += 2) {
      buffer[at++] = (NIBBLES[text.charCodeAt(i)]! << 4) | NIBBLES[text.charCodeAt(i + 1)]!;
    }
    this.end = at;
  }

  private reserve(bytes: number): void {
    if (this.end + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.end + bytes));
    this.buffer.copy(larger, 0, 0, this.end);
    this.buffer = larger;
  }
}

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const INT8_OID = 20;
/** The value of each hex digit by its character code. */
const NIBBLES = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase());
  return Math.max(0, value);
});
/** 2000-01-01, from which PostgreSQL counts, in milliseconds since 1970. */
export const POSTGRES_EPOCH_MS = 946_684_800_000;
const DAY_MS = 86_400_000;
/** Below this length a loop beats the call into the runtime. */
const SHORT_TEXT = 24;

function writeText(buffer: Buffer, value: string, start: number): number {
  if (value.length > SHORT_TEXT) return buffer.write(value, start);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 0x7f) return buffer.write(value, start);
    buffer[start + i] = code;
  }
  return value.length;
}

/** Scratch for the digits of one number, the lowest first: up to 400 decimal digits. */
const groups = new Int16Array(100);

/** Splits a number into base-10,000 digits in `groups`. @returns how many */
function base10000(value: bigint): number {
  let count = 0;
  let rest = value;
  let small = Number(rest);
  while (small > Number.MAX_SAFE_INTEGER) {
    groups[count++] = Number(rest % 10_000n);
    rest /= 10_000n;
    small = Number(rest);
  }
  while (small > 0) {
    const higher = Math.floor(small / 10_000);
    groups[count++] = small - higher * 10_000;
    small = higher;
  }
  return count;
}

let lastDate = '';
let lastDays = 0;
/** Days since 2000-01-01; thousands of rows share one date. */
function daysOf(text: string): number {
  if (text !== lastDate) {
    const days = (Date.parse(`${text}T00:00:00Z`) - POSTGRES_EPOCH_MS) / DAY_MS;
    if (!Number.isInteger(days)) throw new RangeError(`"${text}" is no date`);
    lastDays = days;
    lastDate = text;
  }
  return lastDays;
}

let lastTime = '';
let lastMicroseconds = { high: 0, low: 0 };
/** Microseconds since 2000-01-01, which in far years are more than a number holds exactly. */
function microsecondsOf(text: string): { high: number; low: number } {
  if (text !== lastTime) {
    const microseconds = BigInt(Date.parse(text) - POSTGRES_EPOCH_MS) * 1000n;
    lastMicroseconds = {
      high: Number(BigInt.asIntN(32, microseconds >> 32n)),
      low: Number(BigInt.asIntN(32, microseconds)),
    };
    lastTime = text;
  }
  return lastMicroseconds;
}
