import type { RowNeeds, StateSession } from '../../engine/define/state-session';
import type { RowOf } from '../../engine/define/state-table';
import { PartPostings } from './postings.rules';
import {
  BLOCK_POSITIONS,
  PART_BLOCKS,
  PART_POSITIONS,
  searchBlocks,
  searchHeads,
  searchPostings,
} from './search.table';
import { digitOf, numberIn, TERM_CHARACTERS, type Term } from './terms.rules';

const HEAD = 1;
/** Between the things of a block. */
const BETWEEN = ' ';

/** Names what {@link keepTerms} reads of everything that it keeps. */
export function needTerms(needs: Pick<RowNeeds, 'row'>): void {
  needs.row(searchHeads, 'id', HEAD);
}

/**
 * Keeps what the thing at a position can be found by. Terms go into blocks of a few positions,
 * which are looked through; with the first thing behind a part, the part's blocks are turned round:
 * from then on each term says where it is.
 * @param terms as text; without any, it is not found
 */
export function keepTerms(
  state: StateSession,
  position: number,
  terms: string,
): void | Promise<void> {
  if (terms === '') return;
  const found = state.table(searchHeads).get(HEAD);
  if (!(found instanceof Promise)) return keepBehind(state, found, position, terms);
  return found.then((head) => keepBehind(state, head, position, terms));
}

function keepBehind(
  state: StateSession,
  head: RowOf<typeof searchHeads> | undefined,
  position: number,
  terms: string,
): void | Promise<void> {
  const heads = state.table(searchHeads);
  const block = Math.floor(position / BLOCK_POSITIONS);
  const text = digitOf(position % BLOCK_POSITIONS) + terms;
  if (!head) {
    heads.insert({ id: HEAD, block, terms: text, position });
    return;
  }
  if (head.block === block) {
    heads.patch(HEAD, { terms: head.terms + BETWEEN + text, position });
    return;
  }
  heads.patch(HEAD, { block, terms: text, position });
  state.table(searchBlocks).insert({
    ...{ block: head.block, terms: head.terms, position: head.position },
  });
  const part = partOf(head.block);
  if (part === partOf(block)) return;
  return completePart(state, part, position);
}

function partOf(block: number): number {
  return Math.floor(block / PART_BLOCKS);
}

async function completePart(state: StateSession, part: number, position: number): Promise<void> {
  const blocks = state.table(searchBlocks);
  const first = part * PART_BLOCKS;
  const numbers = Array.from({ length: PART_BLOCKS }, (_, i) => first + i);
  await blocks.load('block', numbers);
  const postings = new PartPostings();
  for (const number of numbers) {
    const row = blocks.loaded(number);
    if (!row) continue;
    for (const thing of thingsOf(row)) {
      const offset = thing.position % PART_POSITIONS;
      for (const term of thing.terms) postings.add(term, offset);
    }
    blocks.remove(number);
  }
  for (const { bucket, postings: records } of postings.buckets()) {
    state.append(searchPostings, {
      ...{ bucket, part, postings: records.toString('hex'), position },
    });
  }
}

/** Something that can be found. */
export interface Thing {
  readonly position: number;
  readonly terms: readonly Term[];
}

/** A block as it is kept. */
export type KeptBlock = Pick<RowOf<typeof searchBlocks>, 'block' | 'terms'>;

/** The things of a block with their positions, in order. */
export function* thingsOf({ block, terms: text }: KeptBlock): Generator<Thing> {
  for (const thing of text.split(BETWEEN)) {
    const terms: Term[] = [];
    for (let at = 1; at < thing.length; at += TERM_CHARACTERS) {
      terms.push(numberIn(thing, at, TERM_CHARACTERS));
    }
    yield { position: block * BLOCK_POSITIONS + numberIn(thing, 0, 1), terms };
  }
}
