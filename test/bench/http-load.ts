import autocannon from 'autocannon';
import { errorMessage } from '../../src/database/errors';

/** What the child process is told, as JSON in its first argument. */
export interface HttpLoad {
  readonly url: string;
  readonly apiKey: string;
  readonly connections: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Ids of accounts that transfers go between. */
  readonly accounts: readonly string[];
  /** 1: a transfer a request. More: so many in a batch. */
  readonly batchSize: number;
  /** Whether the key fits nobody, so that every answer has to be a refusal. */
  readonly isRefused?: boolean;
  /** Whether the URL is read, of each of the accounts where it says `{id}`, and nothing posted. */
  readonly isRead?: boolean;
}

/** What it answers, as JSON on standard output. */
export interface HttpResult {
  readonly transfersPerSecond: number;
  readonly p99Ms: number;
}

const BODIES = 512;
const ID = '{id}';

async function main(): Promise<void> {
  const load = JSON.parse(process.argv[2]!) as HttpLoad;
  const bodies = load.isRead ? [] : Array.from({ length: BODIES }, () => bodyOf(load));
  if (load.warmUpSeconds > 0) await shoot(load, bodies, load.warmUpSeconds);
  const shot = await shoot(load, bodies, load.seconds);
  const { requests, latency, errors, duration } = shot;
  const { isRefused = false } = load;
  const wrong = isRefused ? shot['2xx'] : shot.non2xx;
  if (wrong > 0 || errors > 0) {
    const expected = isRefused ? 'refusals' : 'successes';
    throw new Error(`${wrong} answers were no ${expected} and ${errors} requests failed`);
  }
  const transfersPerSecond = (requests.total * load.batchSize) / duration;
  const result: HttpResult = { transfersPerSecond, p99Ms: latency.p99 };
  process.stdout.write(JSON.stringify(result));
}

async function shoot(
  load: HttpLoad,
  bodies: readonly string[],
  seconds: number,
): Promise<autocannon.Result> {
  let next = 0;
  const { url, connections } = load;
  const authorization = `Bearer ${load.apiKey}`;
  const shot = { url, connections, duration: seconds };
  if (load.isRead) return autocannon({ ...shot, headers: { authorization }, ...ofAccounts(load) });
  return autocannon({
    ...shot,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    requests: [
      {
        setupRequest: (request) => {
          next = (next + 1) % bodies.length;
          return { ...request, body: bodies[next]! };
        },
      },
    ],
  });
}

/** Where the URL says `{id}`: it with each of the accounts, in turn. */
function ofAccounts({ url, accounts }: HttpLoad): Pick<autocannon.Options, 'url' | 'requests'> {
  const { origin, pathname } = new URL(url);
  const path = decodeURI(pathname);
  if (!path.includes(ID)) return { url };
  const requests = accounts.slice(0, BODIES).map((id) => ({ path: path.replace(ID, id) }));
  return { url: origin, requests };
}

function bodyOf({ accounts, batchSize }: HttpLoad): string {
  if (batchSize === 1) return JSON.stringify(transfer(accounts));
  const transactions = Array.from({ length: batchSize }, () => transfer(accounts));
  return JSON.stringify({ mode: 'independent', transactions });
}

function transfer(accounts: readonly string[]) {
  const from = Math.floor(Math.random() * accounts.length);
  const to = (from + 1 + Math.floor(Math.random() * (accounts.length - 1))) % accounts.length;
  const amount = '1.00';
  return {
    description: 'transfer',
    postings: [
      { accountId: accounts[from], direction: 'debit', amount },
      { accountId: accounts[to], direction: 'credit', amount },
    ],
  };
}

if (require.main === module) {
  main().catch((error: unknown) => {
    process.stderr.write(`${errorMessage(error)}\n`);
    process.exitCode = 1;
  });
}
