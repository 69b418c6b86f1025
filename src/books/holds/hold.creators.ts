import { needAccount } from '../accounts/account.queries';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import type { LedgerEvent } from '../../engine/define/event';
import { loadedReferenced } from '../../engine/define/reference';
import { Refusal } from '../../engine/define/refusal';
import type { LoadedRows, RowNeeds } from '../../engine/define/state-session';
import { readInstant } from '../../money/instant';
import { limitedMovements, needLimits, useLimits } from '../limits/limit.rules';
import { needTokens } from '../search/search.rules';
import { checkHeld, type PostingInput } from '../transactions/posting.rules';
import { HoldPlaced, HoldVoided, type HoldPlacedData } from './hold.events';
import { findHold, needHold } from './hold.queries';
import { expire, isDue, leftOf } from './hold.rules';
import { holds, type HoldRow } from './hold.table';
import { holdView, placedHold } from './hold.view';
import type { HoldDto } from './hold.dto';

export interface PlaceHoldInput {
  clientId?: string | undefined;
  description: string;
  /** RFC 3339; default: never. */
  expiresAt?: string | undefined;
  metadata?: Record<string, string> | undefined;
  postings: PostingInput[];
}

/**
 * Reserves postings without moving money, until they are captured, voided, or their time is over.
 * Refuses `validation_failed` for an `expiresAt` that is past, `client_id_taken`,
 * `velocity_limit_exceeded`, and what posting a transaction refuses, for what is available.
 */
export const PlaceHold = defineCreator<PlaceHoldInput, HoldDto>({
  name: 'PlaceHold',
  needs: ({ clientId, postings }, needs) => {
    needTokens(needs);
    if (clientId !== undefined) needs.row(holds, 'client_id', clientId);
    for (const { accountId } of postings) needAccount(needs, accountId);
  },
  needsThen: ({ postings }, loaded, needs) => needLimits(postings, loaded, needs),
  run: async (context, input) => {
    const { clientId, description, metadata = {} } = input;
    const expiresAt = instantToCome(context, input.expiresAt);
    if (clientId !== undefined && (await context.state.table(holds).find('client_id', clientId))) {
      throw new Refusal('client_id_taken', `A hold with the clientId "${clientId}" exists`);
    }
    const postings = await checkHeld(context, input.postings);
    const movements = limitedMovements(context.state, postings);
    const limits = movements && (await useLimits(context, movements));
    // Keys in the order of the canonical form: see canonicalJson.
    await context.append(HoldPlaced, {
      ...(clientId !== undefined && { clientId }),
      description,
      ...(expiresAt !== undefined && { expiresAt }),
      holdId: context.newId(),
      ...(limits !== undefined && { limits }),
      ...(Object.keys(metadata).length > 0 && { metadata }),
      postings,
    });
  },
  answer: (events) => holdView(placedHold(events.at(-1) as LedgerEvent<HoldPlacedData>)),
});

/** @throws Refusal `validation_failed` */
function instantToCome({ now }: CreatorContext, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const instant = readInstant(text);
  if (instant !== undefined && instant > now) return instant;
  const message = instant === undefined ? 'must be an RFC 3339 time' : `must be after ${now}`;
  const errors = [{ pointer: '/expiresAt', message }];
  throw new Refusal('validation_failed', 'The request is not valid', { errors });
}

/** `holdId`: an id or `client:<clientId>`. */
export interface VoidHoldInput {
  holdId: string;
  reason?: string | undefined;
}

/** Frees all that is left of a hold. Refuses `not_found`, `hold_not_open`. */
export const VoidHold = defineCreator<VoidHoldInput, HoldDto>({
  name: 'VoidHold',
  needs: ({ holdId }, needs) => needHold(needs, holdId),
  needsThen: ({ holdId }, loaded, needs) => needHeld(holdId, loaded, needs),
  run: async (context, { holdId: reference, reason }) => {
    const { hold_id: holdId, postings } = await openHold(context, reference);
    const freed = { holdId, postings: leftOf(postings) };
    await context.append(HoldVoided, { ...freed, ...(reason !== undefined && { reason }) });
    return holdView((await findHold(context.state, holdId))!);
  },
});

/** Names the rows that ending a hold is going to write. */
export function needHeld(
  reference: string,
  loaded: LoadedRows,
  needs: Pick<RowNeeds, 'row'>,
): void {
  const hold = loadedReferenced(loaded, holds, reference);
  if (hold?.status !== 'held') return;
  for (const { accountId } of hold.postings) needAccount(needs, accountId);
}

/** The hold, which must be open. @throws Refusal `not_found`, `hold_not_open` */
export async function openHold(
  { state, now }: CreatorContext,
  reference: string,
): Promise<HoldRow> {
  const hold = await findHold(state, reference);
  if (!hold) throw new Refusal('not_found', `There is no hold ${reference}`);
  const { hold_id: id, status, expires_at } = hold;
  if (status !== 'held') throw new Refusal('hold_not_open', `Hold ${id} is ${status}`);
  if (!isDue(hold, now)) return hold;
  throw new Refusal('hold_not_open', `Hold ${id} expired at ${expires_at}`);
}

/** Ids, in the order in which the holds are to expire. */
export interface ExpireHoldsInput {
  holdIds: string[];
}

/** Lets those of some holds expire whose time is over; of the others it says nothing. */
export const ExpireHolds = defineCreator<ExpireHoldsInput, { expired: number }>({
  name: 'ExpireHolds',
  needs: ({ holdIds }, needs) => {
    for (const holdId of holdIds) needHold(needs, holdId);
  },
  needsThen: ({ holdIds }, loaded, needs) => {
    for (const holdId of holdIds) needHeld(holdId, loaded, needs);
  },
  run: async (context, { holdIds }) => ({ expired: await expire(context, holdIds) }),
});
