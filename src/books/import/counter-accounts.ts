import { anyOf } from '../../database/arrays';
import { readCurrency } from '../currencies/currency.queries';
import type { OpenLedger } from '../../engine/open-ledger';
import { ImportError, type CounterAccount, type ImportPlan } from './import-plan';

/**
 * Looks at the currency and the accounts that take the other side, before anything is posted; opens
 * none.
 * @throws ImportError where there is no such currency, or where an account is missing and may not
 *   be opened, or is of another type or currency
 */
export async function checkAccounts({ stateReader }: OpenLedger, plan: ImportPlan): Promise<void> {
  const { against, counter, currency, createAccounts } = plan;
  const { value: known } = await stateReader.read((db) => readCurrency(db, currency));
  if (!known) {
    const codes = 'a code of ISO 4217 or one that is defined in this ledger';
    throw new ImportError(`--currency must be ${codes}, not "${currency}"`);
  }
  const wanted = new Map<string, CounterAccount>();
  for (const account of [...against.values(), ...(counter ? [counter] : [])]) {
    const before = wanted.get(account.clientId);
    if (before && before.type !== account.type) {
      throw new ImportError(`${account.clientId} is given two types`);
    }
    wanted.set(account.clientId, account);
  }
  const { value: rows } = await stateReader.read((db) =>
    db
      .selectFrom('accounts')
      .select(['client_id', 'type', 'currency'])
      .where('client_id', 'is not', null)
      .where('client_id', '=', anyOf('text', [...wanted.keys()]))
      .execute(),
  );
  const found = new Map(rows.map((row) => [row.client_id, row]));
  for (const { clientId, type } of wanted.values()) {
    const account = found.get(clientId);
    if (!account) {
      if (createAccounts) continue;
      throw new ImportError(
        `There is no account "${clientId}": open it, or give --create-accounts`,
      );
    }
    if (account.type === type && account.currency === currency) continue;
    const is = `is of type ${account.type} in ${account.currency}`;
    throw new ImportError(`The account "${clientId}" ${is}, not ${type} in ${currency}`);
  }
}
