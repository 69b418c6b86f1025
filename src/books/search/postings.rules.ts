import { PART_POSITIONS } from './search.table';
import { eachTerm, type Term, type Token } from './terms.rules';

/** Terms are divided among so many rows of a part, by their low bits. */
const BUCKET_BITS = 9;
/** Bits of a term that its record in a bucket has, and those that say how often it is there. */
const REST_BITS = 19;
const COUNT_BITS = 32 - REST_BITS;
const REST_SHIFT = COUNT_BITS;
/** From here on a bit for each position takes less than a number for each that is there. */
const DENSE = PART_POSITIONS / 16;
const BITMAP_BYTES = PART_POSITIONS / 8;

export function bucketOf(term: Term): number {
  return term & ((1 << BUCKET_BITS) - 1);
}

function restOf(term: Term): number {
  return term >>> REST_SHIFT;
}

/** Bits of a key that are sorted at a time. */
const DIGIT_BITS = 14;
const DIGIT_VALUES = 1 << DIGIT_BITS;

/**
 * Where the tokens of a part are. For each bucket there is a list of records, which begin with what
 * is left of a term and how many there are, and go on with as many offsets, or with a bit for each.
 *
 * All of it is made at once under the locks, of some hundred thousand terms, so they are numbers in
 * arrays that are sorted by their digits: lists in maps took ten times as long.
 */
export class PartPostings {
  /** Of each term its bucket and the rest, and beside it where it is. */
  private keys = new Uint32Array(1 << 18);
  private offsets = new Uint16Array(1 << 18);
  private count = 0;

  /** Offsets come in order. */
  add(token: Token, offset: number): void {
    eachTerm(token, (term) => {
      if (this.count === this.keys.length) this.grow();
      this.keys[this.count] = bucketOf(term) * 2 ** REST_BITS + restOf(term);
      this.offsets[this.count++] = offset;
    });
  }

  /** The records of each bucket that has any. */
  *buckets(): Generator<{ readonly bucket: number; readonly postings: Buffer }> {
    this.sort(0);
    this.sort(DIGIT_BITS);
    const { keys, offsets, count } = this;
    let records = new Records();
    for (let i = 0, end = 0; i < count; i = end) {
      const key = keys[i]!;
      while (end < count && keys[end] === key) end++;
      records.add(key % 2 ** REST_BITS, each(offsets.subarray(i, end)));
      const bucket = key >>> REST_BITS;
      if (end < count && keys[end]! >>> REST_BITS === bucket) continue;
      yield { bucket, postings: records.bytes() };
      records = new Records();
    }
  }

  /** Sorts by some bits of the keys; those that have the same stay in their order. */
  private sort(shift: number): void {
    const { keys, offsets, count } = this;
    const digitOf = (key: number) => (key >>> shift) & (DIGIT_VALUES - 1);
    const places = new Uint32Array(DIGIT_VALUES + 1);
    for (let i = 0; i < count; i++) places[digitOf(keys[i]!) + 1]!++;
    for (let digit = 0; digit < DIGIT_VALUES; digit++) places[digit + 1]! += places[digit]!;
    const [sortedKeys, sortedOffsets] = [new Uint32Array(count), new Uint16Array(count)];
    for (let i = 0; i < count; i++) {
      const place = places[digitOf(keys[i]!)]!++;
      sortedKeys[place] = keys[i]!;
      sortedOffsets[place] = offsets[i]!;
    }
    this.keys = sortedKeys;
    this.offsets = sortedOffsets;
  }

  private grow(): void {
    const [keys, offsets] = [new Uint32Array(2 * this.count), new Uint16Array(2 * this.count)];
    keys.set(this.keys);
    offsets.set(this.offsets);
    this.keys = keys;
    this.offsets = offsets;
  }
}

/** Offsets in order, each once. */
function each(offsets: Uint16Array): Uint16Array {
  let count = 0;
  for (const offset of offsets) {
    if (count === 0 || offsets[count - 1] !== offset) offsets[count++] = offset;
  }
  return offsets.subarray(0, count);
}

class Records {
  private buffer = Buffer.alloc(2_048);
  private end = 0;

  add(rest: number, offsets: Uint16Array): void {
    this.reserve(4 + Math.max(2 * DENSE, BITMAP_BYTES));
    const { buffer } = this;
    this.end = buffer.writeUInt32LE(rest * 2 ** COUNT_BITS + offsets.length - 1, this.end);
    if (offsets.length < DENSE) {
      for (const offset of offsets) this.end = buffer.writeUInt16LE(offset, this.end);
    } else {
      for (const offset of offsets) buffer[this.end + (offset >> 3)]! |= 1 << (offset & 7);
      this.end += BITMAP_BYTES;
    }
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.end);
  }

  private reserve(bytes: number): void {
    if (this.end + bytes <= this.buffer.length) return;
    const larger = Buffer.alloc(2 * this.buffer.length + bytes);
    this.buffer.copy(larger);
    this.buffer = larger;
  }
}

/** The places in a part that have some terms: a bit for each. */
export class Places {
  private readonly bits = new Uint8Array(BITMAP_BYTES);

  /** Adds those where a term is, by the records of its bucket. */
  add(postings: Buffer, term: Term): void {
    const wanted = restOf(term);
    for (let at = 0; at < postings.length;) {
      const head = postings.readUInt32LE(at);
      const rest = head >>> COUNT_BITS;
      const count = (head & (2 ** COUNT_BITS - 1)) + 1;
      const isDense = count >= DENSE;
      at += 4;
      if (rest === wanted) {
        if (isDense) for (let i = 0; i < BITMAP_BYTES; i++) this.bits[i]! |= postings[at + i]!;
        else for (let i = 0; i < count; i++) this.set(postings.readUInt16LE(at + 2 * i));
      }
      if (rest >= wanted) return;
      at += isDense ? BITMAP_BYTES : 2 * count;
    }
  }

  /** Leaves those that others have too. */
  keep(others: Places): void {
    for (let i = 0; i < BITMAP_BYTES; i++) this.bits[i]! &= others.bits[i]!;
  }

  /** The offsets of the places, the first one first. */
  offsets(): number[] {
    const offsets: number[] = [];
    for (let i = 0; i < BITMAP_BYTES; i++) {
      const byte = this.bits[i]!;
      for (let bit = 0; byte >> bit > 0; bit++) if ((byte >> bit) & 1) offsets.push(i * 8 + bit);
    }
    return offsets;
  }

  private set(offset: number): void {
    this.bits[offset >> 3]! |= 1 << (offset & 7);
  }
}
