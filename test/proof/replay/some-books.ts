import { AccountOpened } from '../../../src/books/accounts/account.events';
import { ChangeCompanyAddress, CreateCompany } from '../../../src/books/companies/company.creators';
import type { Feature } from '../../../src/engine/define/feature';
import { Registry } from '../../../src/engine/define/registry';
import { features } from '../../../src/features';
import { replay, type ReplayOptions } from '../../../src/proof/replay/replay';
import type {
  ReplayReport,
  TableReport,
  VerificationReport,
} from '../../../src/proof/replay/report';
import { verify, type VerifyOptions } from '../../../src/proof/replay/verify';
import { DisableWebhook, SubscribeWebhook } from '../../../src/outside/webhooks/webhook.creators';
import { query } from '../../harness/cluster';
import type { CloneOptions, TestDatabases } from '../../harness/databases';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { seededRandom, type Random } from '../../harness/seed';
import { waitFor } from '../../harness/waiting';
import { mixedBooks } from './mixed-books';
import type { CompanyDto } from '../../../src/books/companies/company.dto';

type Apply = Feature['materializers'][number]['apply'];

/** The program's features with one materializer changed. */
export function changed(
  type: string,
  change: (apply: Apply) => Apply,
  version?: number,
): readonly Feature[] {
  return features.map((feature) => ({
    ...feature,
    materializers: feature.materializers.map((materializer) => {
      if (materializer.event.type !== type) return materializer;
      const apply = change(materializer.apply);
      return { ...materializer, apply, ...(version !== undefined && { version }) };
    }),
  }));
}

/** How many positions the two accounts lie apart that {@link withTwins} makes alike. */
const TWINS_APART = 7;

/**
 * The program's features, with two accounts of the same client id: a unique index refuses that once
 * it is there. `second` gives the position of the later one.
 */
export function withTwins() {
  let first: number | undefined;
  const twins = changed(AccountOpened.type, (apply) => (event, context) => {
    first ??= event.position;
    const isTwin = event.position === first || event.position === first + TWINS_APART;
    const data = isTwin ? { ...event.data, clientId: 'twin' } : event.data;
    return apply({ ...event, data }, context);
  });
  return { twins, second: () => first! + TWINS_APART };
}

/** Books with events of many kinds, and no ledger that uses them. */
export async function someBooks(commands = 300, options: CloneOptions = {}) {
  const databases = await cloneDatabases(options);
  await writeBooks(databases, seededRandom(), commands);
  return databases;
}

/** Writes more events of many kinds, and closes the ledger again. */
export async function writeBooks(
  databases: TestDatabases,
  random: Random,
  commands: number,
): Promise<void> {
  const ledger = await startTestLedger({ databases });
  await movingCompanies(ledger, random);
  await mixedBooks(ledger, random, commands);
  await comingAndGoingWebhooks(ledger);
  await ledger.close();
}

const COMPANIES = 5;
const MOVES = 20;

/** Companies, each of which moves several times. */
async function movingCompanies(ledger: TestLedger, random: Random): Promise<void> {
  const address = (line1: string) => ({ line1, city: 'Bath', postalCode: 'BA1', country: 'GB' });
  const companies: CompanyDto[] = [];
  for (let i = 0; i < COMPANIES; i++) {
    const input = { name: `Company ${i}`, contactEmail: `c${i}@example.org` };
    companies.push(await ledger.accept(CreateCompany, { ...input, address: address('1 Lane') }));
  }
  await Promise.all(
    Array.from({ length: MOVES }, (_, i) => {
      const companyId =
        i < COMPANIES * 3 ? companies[i % COMPANIES]!.id : random.pick(companies).id;
      return ledger.accept(ChangeCompanyAddress, { companyId, address: address(`${i} Road`) });
    }),
  );
}

/** A subscription whose routes come and go again. */
async function comingAndGoingWebhooks(ledger: TestLedger): Promise<void> {
  const input = { url: 'https://example.org/hook', eventTypes: ['OrderPlaced'] };
  const { id: subscriptionId } = await ledger.accept(SubscribeWebhook, input);
  await ledger.accept(DisableWebhook, { subscriptionId });
}

/** Runs a verification of the program, or of other features. */
export function verifyOf(
  { urls }: Pick<TestDatabases, 'urls'>,
  options: Partial<VerifyOptions> = {},
  of: readonly Feature[] = features,
): Promise<VerificationReport> {
  return verify({ urls, registry: new Registry(of), ...options });
}

/** Runs a replay of the program, or of other features. */
export function replayOf(
  { urls }: Pick<TestDatabases, 'urls'>,
  options: Partial<ReplayOptions> = {},
  of: readonly Feature[] = features,
): Promise<ReplayReport> {
  return replay({ urls, registry: new Registry(of), ...options });
}

/** The tables in which rows differ. */
export function differing({ tables }: Pick<VerificationReport, 'tables'>): TableReport[] {
  return tables.filter(({ missing, extra, changed }) => missing + extra + changed > 0);
}

/** What a run may not leave behind: schemas beside the live one, and its lock. */
export async function leftBehind({
  superUrls,
}: Pick<TestDatabases, 'superUrls'>): Promise<string[]> {
  const rows = await query<{ name: string }>(
    superUrls.state,
    `select nspname as name from pg_namespace where nspname like 'state_next%'
     union all
     select 'lock ' || locktype from pg_locks
     where locktype in ('advisory') and database = (select oid from pg_database
       where datname = current_database())`,
  );
  return rows.map(({ name }) => name);
}

/** Waits until nothing is left: the server may still be ending a session that was cut. */
export async function expectNothingLeft(databases: TestDatabases): Promise<void> {
  let left: unknown[] = [];
  await waitFor(
    'the last trace of a run to go',
    async () => {
      left = await leftBehind(databases);
      return left.length === 0;
    },
    10_000,
  ).catch((cause: unknown) => {
    throw new Error(`There is left: ${JSON.stringify(left)}`, { cause });
  });
}
