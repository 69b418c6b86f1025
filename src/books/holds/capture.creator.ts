import { findAccount, needAccount } from '../accounts/account.queries';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import { Refusal, type FieldError } from '../../engine/define/refusal';
import { formatAmount, readAmount } from '../../money/amount';
import { checkVersion, type PostingInput } from '../transactions/posting.rules';
import { postTransaction } from '../transactions/transaction.rules';
import { transactions } from '../transactions/transaction.table';
import { soleTransactionView } from '../transactions/transaction.view';
import type { TransactionDto } from '../transactions/transaction.dto';
import { needHeld, openHold } from './hold.creators';
import { HoldCaptured, type HoldPosting } from './hold.events';
import { needHold } from './hold.queries';
import { leftOf, minorUnits, withDigitsOf } from './hold.rules';

/** How often a hold may be captured and go on: every capture writes it whole. */
export const MAX_PARTS = 1_000;

/** `holdId`: an id or `client:<clientId>`. */
export interface CaptureHoldInput {
  holdId: string;
  /** Default: all that is left. */
  postings?: PostingInput[] | undefined;
  /** Whether what is left afterwards is freed; default true. */
  final?: boolean | undefined;
  /** Default: the hold's. */
  description?: string | undefined;
  /** `YYYY-MM-DD`, not after today; default today. */
  effectiveDate?: string | undefined;
  /** Of the transaction. */
  clientId?: string | undefined;
}

/**
 * Posts what a hold reserves, or some of it. Refuses `not_found`, `hold_not_open`, `hold_exceeded`
 * for what is not held, or not so much of it, `too_many_captures` of one that would go on, and what
 * posting a transaction refuses.
 */
export const CaptureHold = defineCreator<CaptureHoldInput, TransactionDto>({
  name: 'CaptureHold',
  needs: ({ holdId, clientId, postings = [] }, needs) => {
    needHold(needs, holdId);
    if (clientId !== undefined) needs.row(transactions, 'client_id', clientId);
    for (const { accountId } of postings) needAccount(needs, accountId);
  },
  needsThen: ({ holdId }, loaded, needs) => needHeld(holdId, loaded, needs),
  run: async (context, input) => {
    const hold = await openHold(context, input.holdId);
    const { hold_id: holdId } = hold;
    const left = leftOf(hold.postings);
    const postings = input.postings ? await wanted(context, input.postings) : left;
    const rest = postings === left ? [] : restOf(holdId, left, postings);
    const isFinal = (input.final ?? true) || rest.length === 0;
    if (!isFinal && hold.transaction_ids.length >= MAX_PARTS) {
      const detail = `Hold ${holdId} was captured ${MAX_PARTS} times: the next has to be final`;
      throw new Refusal('too_many_captures', detail);
    }
    const transactionId = context.newId();
    // Before the transaction, which finds free what it takes.
    // Keys in the order of the canonical form: see canonicalJson.
    await context.append(HoldCaptured, {
      ...{ final: isFinal, holdId, postings, released: isFinal ? rest : [] },
      transactionId,
    });
    const { clientId, description = hold.description, effectiveDate } = input;
    const posted = { clientId, description, effectiveDate, postings };
    await postTransaction(context, { ...posted, id: transactionId, holdId });
  },
  answer: soleTransactionView,
});

/**
 * What a caller wants to capture, as a hold's postings are.
 * @throws Refusal `account_not_found`, `validation_failed`, `account_version_mismatch`,
 *   `zero_amount`
 */
async function wanted(
  { state }: CreatorContext,
  inputs: readonly PostingInput[],
): Promise<HoldPosting[]> {
  const postings: HoldPosting[] = [];
  const errors: FieldError[] = [];
  for (const [i, input] of inputs.entries()) {
    const { accountId: reference, amount: text, direction } = input;
    const account = await findAccount(state, reference);
    if (!account) {
      const details = { accountId: reference };
      throw new Refusal('account_not_found', `There is no account ${reference}`, details);
    }
    // Capturing gives it the next version.
    checkVersion(account, input);
    const { account_id: accountId, currency, digits } = account;
    const minor = readAmount(text, account);
    if (typeof minor === 'string') {
      errors.push({ pointer: `/postings/${i}/amount`, message: minor });
      continue;
    }
    if (minor === 0n) {
      const detail = `Account ${accountId} cannot be posted to with a zero amount`;
      throw new Refusal('zero_amount', detail, { accountId });
    }
    postings.push({ accountId, amount: formatAmount(minor, digits), currency, direction });
  }
  if (errors.length === 0) return postings;
  throw new Refusal('validation_failed', 'The request is not valid', { errors });
}

/** What is left when some of it is captured. @throws Refusal `hold_exceeded` */
function restOf(
  holdId: string,
  left: readonly HoldPosting[],
  postings: readonly HoldPosting[],
): HoldPosting[] {
  const taken = new Map<string, bigint>();
  const sideOf = ({ accountId, direction }: HoldPosting) => `${direction} ${accountId}`;
  for (const posting of postings) {
    const side = sideOf(posting);
    taken.set(side, (taken.get(side) ?? 0n) + minorUnits(posting.amount));
  }
  const rest = left.flatMap((posting) => {
    const side = sideOf(posting);
    const has = minorUnits(posting.amount);
    const wants = taken.get(side) ?? 0n;
    const takes = wants < has ? wants : has;
    taken.set(side, wants - takes);
    if (takes === has) return [];
    return [{ ...posting, amount: withDigitsOf(posting.amount, has - takes) }];
  });
  for (const posting of postings) {
    const { accountId, direction } = posting;
    if (taken.get(sideOf(posting)) === 0n) continue;
    const detail = `Hold ${holdId} has not so much left to ${direction} account ${accountId}`;
    throw new Refusal('hold_exceeded', detail, { accountId });
  }
  return rest;
}
