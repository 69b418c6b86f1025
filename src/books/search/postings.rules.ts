import { PART_POSITIONS } from './search.table';
import { termsOf, type Term, type Token } from './terms.rules';

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

/**
 * Where the tokens of a part are. For each bucket there is a list of records, which begin with what
 * is left of a term and how many there are, and go on with as many offsets, or with a bit for each.
 */
export class PartPostings {
  private readonly offsets = new Map<Token, number[]>();

  /** Offsets come in order. */
  add(token: Token, offset: number): void {
    const known = this.offsets.get(token);
    if (!known) this.offsets.set(token, [offset]);
    else if (known.at(-1) !== offset) known.push(offset);
  }

  /** The records of each bucket that has any. */
  *buckets(): Generator<{ readonly bucket: number; readonly postings: Buffer }> {
    const lists = new Map<number, number[][]>();
    for (const [token, offsets] of this.offsets) {
      for (const term of termsOf(token)) {
        const key = bucketOf(term) * 2 ** REST_BITS + restOf(term);
        const known = lists.get(key);
        if (known) known.push(offsets);
        else lists.set(key, [offsets]);
      }
    }
    const keys = Uint32Array.from(lists.keys()).sort();
    for (let i = 0; i < keys.length;) {
      const bucket = keys[i]! >>> REST_BITS;
      const records = new Records();
      for (; i < keys.length && keys[i]! >>> REST_BITS === bucket; i++) {
        records.add(keys[i]! % 2 ** REST_BITS, lists.get(keys[i]!)!);
      }
      yield { bucket, postings: records.bytes() };
    }
  }
}

class Records {
  private buffer = Buffer.alloc(2_048);
  private end = 0;

  add(rest: number, lists: readonly number[][]): void {
    const offsets = lists.length === 1 ? lists[0]! : merged(lists);
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

/** The offsets of some lists in order, each once. */
function merged(lists: readonly number[][]): number[] {
  const all = Uint16Array.from(lists.flat()).sort();
  return Array.from(all.filter((offset, i) => i === 0 || offset !== all[i - 1]));
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
