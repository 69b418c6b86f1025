import { PART_POSITIONS } from './search.table';
import type { Term } from './terms.rules';

/** Terms are divided among so many rows of a part, by their low bits. */
export const BUCKETS = 512;
/** Bits of a term that its record in a bucket has. */
const REST_BITS = 19;
const REST_SHIFT = 11;
const COUNT_BITS = 32 - REST_BITS;
/** From here on a bit for each position takes less than a number for each that is there. */
const DENSE = PART_POSITIONS / 16;
const BITMAP_BYTES = PART_POSITIONS / 8;

export function bucketOf(term: Term): number {
  return term % BUCKETS;
}

function restOf(term: Term): number {
  return term >>> REST_SHIFT;
}

/**
 * Where the terms of a part are: for each bucket a list of records, which begin with what is left
 * of the term and how many there are, and go on with as many offsets, or with a bit for each.
 */
export class PartPostings {
  private readonly terms: number[][] = Array.from({ length: BUCKETS }, () => []);

  /** Offsets come in order. */
  add(term: Term, offset: number): void {
    this.terms[term % BUCKETS]!.push(restOf(term) * PART_POSITIONS + offset);
  }

  /** The records of each bucket that has any. */
  *buckets(): Generator<{ readonly bucket: number; readonly postings: Buffer }> {
    for (const [bucket, all] of this.terms.entries()) {
      if (all.length === 0) continue;
      // One text may have the same term twice.
      yield { bucket, postings: recordsOf(Float64Array.from(all).sort()) };
    }
  }
}

function recordsOf(sorted: Float64Array): Buffer {
  const to = Buffer.alloc(sorted.length * 6);
  let end = 0;
  for (let i = 0; i < sorted.length;) {
    const rest = Math.floor(sorted[i]! / PART_POSITIONS);
    const first = rest * PART_POSITIONS;
    const offsets: number[] = [];
    for (; i < sorted.length && sorted[i]! < first + PART_POSITIONS; i++) {
      const offset = sorted[i]! - first;
      if (offset !== offsets.at(-1)) offsets.push(offset);
    }
    end = to.writeUInt32LE(rest * 2 ** COUNT_BITS + offsets.length - 1, end);
    if (offsets.length < DENSE) {
      for (const offset of offsets) end = to.writeUInt16LE(offset, end);
    } else {
      for (const offset of offsets) to[end + (offset >> 3)]! |= 1 << (offset & 7);
      end += BITMAP_BYTES;
    }
  }
  return to.subarray(0, end);
}

/** The places in a part that have some terms: a bit for each. */
export class Places {
  private readonly bits = new Uint8Array(BITMAP_BYTES);

  /** Adds those where a term is, by the records of its bucket. */
  add(postings: Buffer, term: Term): void {
    const wanted = restOf(term);
    for (let at = 0; at < postings.length;) {
      const head = postings.readUInt32LE(at);
      const rest = Math.floor(head / 2 ** COUNT_BITS);
      const count = (head % 2 ** COUNT_BITS) + 1;
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
    for (const [i, byte] of this.bits.entries()) {
      for (let bit = 0; byte >> bit > 0; bit++) if ((byte >> bit) & 1) offsets.push(i * 8 + bit);
    }
    return offsets;
  }

  private set(offset: number): void {
    this.bits[offset >> 3]! |= 1 << (offset & 7);
  }
}
