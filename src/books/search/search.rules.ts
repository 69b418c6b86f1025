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
import { SPACE, type Token } from './terms.rules';

const HEAD = 1;
/** Between the things of a block. */
const BETWEEN = '\n';

/** Names what {@link keepTokens} reads of everything that it keeps. */
export function needTokens(needs: Pick<RowNeeds, 'row'>): void {
  needs.row(searchHeads, 'id', HEAD);
}

/**
 * Keeps what the thing at a position can be found by. Tokens go into blocks of a few
 * positions, which are looked through; with the first thing behind a part, the part's blocks are
 * turned round: from then on their terms say where they are.
 * @param tokens each behind a space; without any, it is not found
 */
export function keepTokens(
  state: StateSession,
  position: number,
  tokens: string,
): void | Promise<void> {
  if (tokens === '') return;
  const found = state.table(searchHeads).get(HEAD);
  if (!(found instanceof Promise)) return keepBehind(state, found, position, tokens);
  return found.then((head) => keepBehind(state, head, position, tokens));
}

function keepBehind(
  state: StateSession,
  head: RowOf<typeof searchHeads> | undefined,
  position: number,
  tokens: string,
): void | Promise<void> {
  const heads = state.table(searchHeads);
  const block = Math.floor(position / BLOCK_POSITIONS);
  const text = (position % BLOCK_POSITIONS) + tokens;
  if (!head) {
    heads.insert({ id: HEAD, block, tokens: text, position });
    return;
  }
  if (head.block === block) {
    heads.patch(HEAD, { tokens: head.tokens + BETWEEN + text, position });
    return;
  }
  heads.patch(HEAD, { block, tokens: text, position });
  state.table(searchBlocks).insert({ block: head.block, tokens: head.tokens, position });
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
      for (const token of thing.tokens) postings.add(token, offset);
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
  readonly tokens: readonly Token[];
}

/** A block as it is kept. */
export type KeptBlock = Pick<RowOf<typeof searchBlocks>, 'block' | 'tokens'>;

/** The things of a block with their positions, in order. */
export function thingsOf({ block, tokens: text }: KeptBlock): Thing[] {
  return text.split(BETWEEN).map((thing) => {
    const [place, ...tokens] = thing.split(SPACE);
    return { position: block * BLOCK_POSITIONS + Number(place), tokens };
  });
}
