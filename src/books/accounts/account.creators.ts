import { defineCreator } from '../../engine/define/creator';
import type { LedgerEvent } from '../../engine/define/event';
import { Refusal, type FieldError } from '../../engine/define/refusal';
import type { StateSession } from '../../engine/define/state-session';
import { formatAmount, parseAmount } from '../../money/amount';
import { currencyDigits } from '../../money/currency';
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
  metadata?: Record<string, string> | undefined;
}

/**
 * Opens an account with a zero balance. Refuses `validation_failed` for an unknown currency or a
 * limit that does not fit it, `client_id_taken`.
 */
export const OpenAccount = defineCreator<OpenAccountInput, AccountDto>({
  name: 'OpenAccount',
  needs: ({ clientId }, needs) => {
    if (clientId !== undefined) needs.row(accounts, 'client_id', clientId);
  },
  run: async (context, input) => {
    const limits = readLimits(input);
    const clientId = input.clientId ?? null;
    if (clientId !== null && (await context.state.table(accounts).find('client_id', clientId))) {
      throw new Refusal('client_id_taken', `An account with the clientId "${clientId}" exists`);
    }
    await context.append(AccountOpened, {
      accountId: context.newId(),
      clientId,
      name: input.name,
      type: input.type,
      currency: input.currency,
      ...limits,
      metadata: input.metadata ?? {},
    });
  },
  answer: ([event]) => openedAccountView(event as LedgerEvent<AccountOpenedData>),
});

/** The limits with all digits of the currency. @throws Refusal `validation_failed` */
export function readLimits(
  input: Pick<OpenAccountInput, 'currency' | 'minBalance' | 'maxBalance'>,
): Pick<AccountOpenedData, 'minBalance' | 'maxBalance'> {
  const digits = currencyDigits(input.currency);
  if (digits === undefined) {
    throw invalid({ pointer: '/currency', message: 'must be an ISO 4217 code' });
  }
  const errors: FieldError[] = [];
  const read = (field: 'minBalance' | 'maxBalance') => {
    const text = input[field] ?? null;
    const minor = text === null ? undefined : parseAmount(text, digits);
    if (text !== null && minor === undefined) {
      const message = `must have at most ${digits} decimals in ${input.currency}`;
      errors.push({ pointer: `/${field}`, message });
    }
    return minor;
  };
  const [min, max] = [read('minBalance'), read('maxBalance')];
  if (min !== undefined && max !== undefined && min > max) {
    errors.push({ pointer: '/minBalance', message: 'must not be above maxBalance' });
  }
  if (errors.length > 0) throw invalid(...errors);
  const format = (minor: bigint | undefined) =>
    minor === undefined ? null : formatAmount(minor, digits);
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
    await context.append(AccountClosed, { accountId: id });
    return accountView((await findAccount(context.state, id))!);
  },
});
