import { anyOf } from '../../database/arrays';
import { OpenAccount } from '../accounts/account.creators';
import type { AccountType } from '../accounts/account.events';
import type { AccountRow } from '../accounts/account.table';
import { readCurrency } from '../currencies/currency.queries';
import type { OpenLedger } from '../../engine/open-ledger';
import type { ImportRow } from './csv-rows';
import { ImportError, type CounterAccount, type ImportPlan } from './import-plan';
import { submitPatiently } from './submit-patiently';

type Found = Pick<AccountRow, 'type' | 'currency'>;

/** Accounts that are remembered; beyond that they are looked up again. */
const MAX_REMEMBERED = 100_000;

/** The accounts that rows name, looked up once and opened where that was asked for. */
export class ImportAccounts {
  private opened = new Set<string>();
  /** Accounts of the other side that exist. */
  private readonly counters = new Set<string>();

  constructor(
    private readonly open: OpenLedger,
    private readonly plan: ImportPlan,
  ) {}

  /**
   * Looks at the currency and the accounts that take the other side, and opens none: a file of
   * which no row can be posted leaves nothing behind.
   * @throws ImportError where there is no such currency, or where an account is missing, or is of
   *   another type or currency
   */
  async checkAccounts(): Promise<void> {
    const { against, counter, currency } = this.plan;
    const { value: known } = await this.open.stateReader.read((db) => readCurrency(db, currency));
    if (!known) {
      const wanted = 'a code of ISO 4217 or one that is defined in this ledger';
      throw new ImportError(`--currency must be ${wanted}, not "${currency}"`);
    }
    const wanted = new Map<string, CounterAccount>();
    for (const account of [...against.values(), ...(counter ? [counter] : [])]) {
      const before = wanted.get(account.clientId);
      if (before && before.type !== account.type) {
        throw new ImportError(`${account.clientId} is given two types`);
      }
      wanted.set(account.clientId, account);
    }
    const found = await this.find([...wanted.keys()]);
    for (const { clientId, type } of wanted.values()) {
      const account = found.get(clientId);
      if (!account) {
        this.expectCreating(clientId);
      } else if (account.type !== type || account.currency !== currency) {
        const is = `is of type ${account.type} in ${account.currency}`;
        throw new ImportError(`The account "${clientId}" ${is}, not ${type} in ${currency}`);
      } else {
        this.counters.add(clientId);
      }
    }
  }

  /** Makes sure of both accounts of some rows. @returns those of their own that do not exist */
  async prepare(rows: readonly ImportRow[]): Promise<Set<string>> {
    const absent = await this.prepareOwn(rows.map((row) => row.account));
    const posted = rows.filter((row) => !absent.has(row.account));
    const counters = new Map(posted.map(({ counter }) => [counter.clientId, counter]));
    for (const { clientId, type } of counters.values()) {
      if (this.counters.has(clientId)) continue;
      await this.openAccount(clientId, clientId, type);
      this.counters.add(clientId);
    }
    return absent;
  }

  private async prepareOwn(clientIds: Iterable<string>): Promise<Set<string>> {
    const { plan } = this;
    if (this.opened.size > MAX_REMEMBERED) this.opened = new Set();
    const wanted = [...new Set(clientIds)].filter((id) => !this.opened.has(id));
    if (wanted.length === 0) return new Set();
    const found = await this.find(wanted);
    const missing = wanted.filter((id) => !found.has(id));
    if (plan.createAccounts) {
      const nameOf = (id: string) => `Account ${id.slice(plan.accountPrefix.length)}`;
      await Promise.all(missing.map((id) => this.openAccount(id, nameOf(id), plan.accountType)));
    }
    const absent = new Set(plan.createAccounts ? [] : missing);
    for (const id of wanted) if (!absent.has(id)) this.opened.add(id);
    return absent;
  }

  private async find(clientIds: readonly string[]): Promise<Map<string, Found>> {
    const { value } = await this.open.stateReader.read((db) =>
      db
        .selectFrom('accounts')
        .select(['client_id', 'type', 'currency'])
        .where('client_id', 'is not', null)
        .where('client_id', '=', anyOf('text', clientIds))
        .execute(),
    );
    return new Map(value.map((row) => [row.client_id!, row]));
  }

  private async openAccount(clientId: string, name: string, type: AccountType): Promise<void> {
    const { currency } = this.plan;
    const outcome = await submitPatiently(this.open.ledger, {
      creator: OpenAccount,
      input: { clientId, name, type, currency },
      actor: 'import',
    });
    if (outcome.kind === 'accepted' || outcome.refusal.code === 'client_id_taken') return;
    throw new ImportError(`The account "${clientId}" cannot be opened: ${outcome.refusal.detail}`);
  }

  private expectCreating(clientId: string): void {
    if (this.plan.createAccounts) return;
    throw new ImportError(`There is no account "${clientId}": open it, or give --create-accounts`);
  }
}
