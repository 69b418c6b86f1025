import { defineCreator } from '../../engine/define/creator';
import type { LedgerEvent } from '../../engine/define/event';
import { Refusal, type FieldError } from '../../engine/define/refusal';
import type { StateSession } from '../../engine/define/state-session';
import { formatAmount, readAmount } from '../../money/amount';
import type { CurrencyDigits } from '../../money/currency';
import { withoutDue } from '../holds/hold.rules';
import { needCurrency, proposedDigits } from '../currencies/currency.rules';
import {
  AccountClosed,
  AccountOpened,
  type AccountOpenedData,
  type AccountType,
} from './account.events';
import { findAccount, needAccount } from './account.queries';
import { accounts, type AccountRow } from './account.table';
import { accountView, openedAccountView } from './account.view';
import type { AccountDto } from './account.dto';

/** Amounts are decimal strings. */
export interface OpenAccountInput {
  clientId?: string | undefined;
  name: string;
  type: AccountType;
  currency: string;
  minBalance?: string | null | undefined;
  maxBalance?: string | null | undefined;
  /** `liabilities:customers` */
  group?: string | null | undefined;
  metadata?: Record<string, string> | undefined;
}

/**
 * Opens an account with a zero balance. Refuses `validation_failed` for an unknown currency or a
 * limit that does not fit it, `client_id_taken`.
 */
export const OpenAccount = defineCreator<OpenAccountInput, AccountDto>({
  name: 'OpenAccount',
  needs: ({ clientId, currency }, needs) => {
    needCurrency(needs, currency);
    if (clientId !== undefined) needs.row(accounts, 'client_id', clientId);
  },
  run: async (context, input) => {
    const { currency } = input;
    const digits = await proposedDigits(context.state, currency);
    if (digits === undefined) {
      const message = 'is neither a code of ISO 4217 nor defined in this ledger';
      throw invalid({ pointer: '/currency', message });
    }
    const limits = readLimits(input, { currency, digits });
    const clientId = input.clientId ?? null;
    if (clientId !== null && (await context.state.table(accounts).find('client_id', clientId))) {
      throw new Refusal('client_id_taken', `An account with the clientId "${clientId}" exists`);
    }
    await context.append(AccountOpened, {
      accountId: context.newId(),
      clientId,
      name: input.name,
      type: input.type,
      currency,
      digits,
      group: input.group ?? null,
      ...limits,
      metadata: input.metadata ?? {},
    });
  },
  answer: ([event]) => openedAccountView(event as LedgerEvent<AccountOpenedData>),
});

/** The limits with all digits of the currency. @throws Refusal `validation_failed` */
export function readLimits(
  input: Pick<OpenAccountInput, 'minBalance' | 'maxBalance'>,
  of: CurrencyDigits,
): Pick<AccountOpenedData, 'minBalance' | 'maxBalance'> {
  const errors: FieldError[] = [];
  const read = (field: 'minBalance' | 'maxBalance') => {
    const text = input[field] ?? null;
    const minor = text === null ? undefined : readAmount(text, of);
    if (typeof minor !== 'string') return minor;
    errors.push({ pointer: `/${field}`, message: minor });
    return undefined;
  };
  const [min, max] = [read('minBalance'), read('maxBalance')];
  if (min !== undefined && max !== undefined && min > max) {
    errors.push({ pointer: '/minBalance', message: 'must not be above maxBalance' });
  }
  if (errors.length > 0) throw invalid(...errors);
  const format = (minor: bigint | undefined) =>
    minor === undefined ? null : formatAmount(minor, of.digits);
  return { minBalance: format(min), maxBalance: format(max) };
}

function invalid(...errors: FieldError[]): Refusal {
  return new Refusal('validation_failed', 'The request is not valid', { errors });
}

/** The account that a reference names. @throws Refusal `not_found` */
export async function existingAccount(state: StateSession, reference: string): Promise<AccountRow> {
  const account = await findAccount(state, reference);
  if (!account) throw new Refusal('not_found', `There is no account ${reference}`);
  return account;
}

/** `accountId`: an id or `client:<clientId>`. */
export interface CloseAccountInput {
  accountId: string;
}

/** Closes an account. Refuses `not_found`, `account_already_closed`, `account_not_empty`. */
export const CloseAccount = defineCreator<CloseAccountInput, AccountDto>({
  name: 'CloseAccount',
  needs: ({ accountId }, needs) => needAccount(needs, accountId),
  run: async (context, { accountId }) => {
    const account = await existingAccount(context.state, accountId);
    const id = account.account_id;
    if (account.closed_position !== null) {
      throw new Refusal('account_already_closed', `Account ${id} is closed`, { accountId: id });
    }
    if (account.debits !== account.credits) {
      throw new Refusal('account_not_empty', `Account ${id} has a balance`, { accountId: id });
    }
    const isFree = ({ pending_debits, pending_credits }: AccountRow) =>
      pending_debits === 0n && pending_credits === 0n;
    if (!isFree(await withoutDue(context, account, isFree))) {
      throw new Refusal('account_not_empty', `Account ${id} has open holds`, { accountId: id });
    }
    await context.append(AccountClosed, { accountId: id });
    return accountView((await findAccount(context.state, id))!);
  },
});
