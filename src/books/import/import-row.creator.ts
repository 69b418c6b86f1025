import { OpenAccount } from '../accounts/account.creators';
import { accounts } from '../accounts/account.table';
import type { AccountType } from '../accounts/account.events';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import { clientIdOf } from '../../engine/define/reference';
import { PassingRefusal, Refusal } from '../../engine/define/refusal';
import { PostTransaction } from '../transactions/transaction.creators';
import { postTransaction, type PostTransactionInput } from '../transactions/transaction.rules';
import { postedTransactionView } from '../transactions/transaction.view';
import type { ImportPlan } from './import-plan';

/**
 * Posts the transaction of one row together with the opening of accounts that it is the first to
 * name: a row that is refused leaves none behind. Its first posting is to the row's account.
 * Refuses what opening and posting refuse, `account_not_found` where the plan lets none be opened,
 * and `account_not_eligible`; none of it for good, as what a row lacked may be there later.
 */
export function importRow(plan: ImportPlan): typeof PostTransaction {
  const counters = new Map(
    [...plan.against.values(), ...(plan.counter ? [plan.counter] : [])].map((account) => [
      account.clientId,
      account.type,
    ]),
  );
  const run = async (context: CreatorContext, input: PostTransactionInput) => {
    const [own, counter] = input.postings.map(({ accountId }) => clientIdOf(accountId)!);
    await ensure(context, plan, own!, {
      name: `Account ${own!.slice(plan.accountPrefix.length)}`,
      type: plan.accountType,
    });
    await ensure(context, plan, counter!, { name: counter!, type: counters.get(counter!)! });
    await postTransaction(context, input);
  };
  return defineCreator({
    name: 'ImportRow',
    needs: (input, needs) => PostTransaction.needs?.(input, needs),
    needsThen: (input, loaded, needs) => PostTransaction.needsThen?.(input, loaded, needs),
    run: async (context, input) => {
      try {
        await run(context, input);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        throw new PassingRefusal(error.code, error.detail, error.details);
      }
    },
    answer: (events) => postedTransactionView(events.at(-1)!),
  });
}

/** Makes sure of an account of a type. @throws Refusal */
async function ensure(
  context: CreatorContext,
  { createAccounts, currency }: ImportPlan,
  clientId: string,
  { name, type }: { name: string; type: AccountType },
): Promise<void> {
  const account = await context.state.table(accounts).find('client_id', clientId);
  if (!account) {
    if (createAccounts)
      return void (await OpenAccount.run(context, { clientId, name, type, currency }));
    throw new Refusal('account_not_found', `There is no account "${clientId}"`);
  }
  if (account.type === type) return;
  const is = `is of type ${account.type} and not ${type}`;
  throw new Refusal('account_not_eligible', `The account "${clientId}" ${is}`);
}
