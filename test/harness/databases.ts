import { randomBytes } from 'node:crypto';
import { ROLES, type DatabaseUrls } from '../../src/database/connections';
import type { Feature } from '../../src/engine/define/feature';
import { features } from '../../src/features';
import { databaseUrl, endAllQueries, endQueries, query, testCluster, withClient } from './cluster';
import { checkInvariants } from './invariants';
import { waitFor } from './waiting';

const TEMPLATES = { log: 'truebook_log', state: 'truebook_state' } as const;
const OWNER = 'truebook_owner';

export interface CloneOptions {
  /** Run in the state as the owner of its schemas: tables of features made for a test. */
  readonly stateTables?: readonly string[];
  /** `file`: dropped after the last test of the file, not after the one that made it. */
  readonly lifetime?: 'test' | 'file';
  /** False for specs that break the books on purpose. */
  readonly isChecked?: boolean;
}

/** A pair of databases of one spec, migrated and empty. */
export interface TestDatabases {
  /** As the role that owns them: what a start is configured with. */
  readonly urls: DatabaseUrls;
  /** As a running service logs in. */
  readonly serviceUrls: DatabaseUrls;
  /** As the superuser. */
  readonly superUrls: DatabaseUrls;
  /** A new, empty state database beside this pair's own, dropped together with it. */
  emptyState(): Promise<string>;
  /** The features that rebuild the state when the books are checked; those of the program. */
  features: readonly Feature[];
  isChecked: boolean;
  /** Runs before the books are checked, the last given first. */
  onEnd(close: () => Promise<void>): void;
  /** Ends what uses them, checks the books, and drops them. Done after each test by itself. */
  drop(): Promise<void>;
}

class ClonedPair implements TestDatabases {
  readonly urls: DatabaseUrls;
  readonly serviceUrls: DatabaseUrls;
  readonly superUrls: DatabaseUrls;
  features: readonly Feature[] = features;
  isChecked: boolean;
  private readonly names: string[];
  private readonly closers: (() => Promise<void>)[] = [];
  private isDropped = false;

  constructor(private readonly options: CloneOptions) {
    const id = `test_${process.pid}_${randomBytes(5).toString('hex')}`;
    const names = { log: `${id}_log`, state: `${id}_state` };
    const { ownerUrl, superUrl, logServiceUrl, stateServiceUrl } = testCluster();
    this.names = [names.log, names.state];
    this.urls = urlsOf(ownerUrl, names);
    this.serviceUrls = {
      log: databaseUrl(logServiceUrl, names.log),
      state: databaseUrl(stateServiceUrl, names.state),
    };
    this.superUrls = urlsOf(superUrl, names);
    this.isChecked = options.isChecked ?? true;
  }

  async create(): Promise<void> {
    const [log, state] = this.names as [string, string];
    await Promise.all([clone(TEMPLATES.log, log), cloneState(state)]);
    await this.makeTables(this.urls.state);
  }

  async emptyState(): Promise<string> {
    const name = `${this.names[1]}_${this.names.length}`;
    this.names.push(name);
    await cloneState(name);
    const url = databaseUrl(this.urls.state, name);
    await this.makeTables(url);
    return url;
  }

  onEnd(close: () => Promise<void>): void {
    this.closers.unshift(close);
  }

  async drop(): Promise<void> {
    if (this.isDropped) return;
    this.isDropped = true;
    try {
      for (const close of this.closers) await close();
      await endQueries();
      await this.expectNoConnections();
      if (this.isChecked) await checkInvariants(this);
    } finally {
      const { superUrl } = testCluster();
      for (const name of this.names) await query(superUrl, `drop database ${name} with (force)`);
    }
  }

  private async makeTables(url: string): Promise<void> {
    const statements = this.options.stateTables ?? [];
    if (statements.length === 0) return;
    await withClient(url, async (client) => {
      await client.query(`set role ${ROLES.stateReplayer}`);
      for (const statement of statements) await client.query(statement);
    });
  }

  /** A pool that somebody forgot to end keeps a connection; a backend needs a moment to leave. */
  private async expectNoConnections(): Promise<void> {
    let left: { application_name: string; query: string }[] = [];
    await waitFor(
      'the last connection of a service to end',
      async () => {
        left = await query(
          testCluster().superUrl,
          `select application_name, query from pg_stat_activity
           where datname = any($1) and backend_type = 'client backend'`,
          [this.names],
        );
        return left.length === 0;
      },
      5_000,
    ).catch((cause: unknown) => {
      throw new Error(`Connections were leaked: ${JSON.stringify(left)}`, { cause });
    });
  }
}

function urlsOf(url: string, names: DatabaseUrls): DatabaseUrls {
  return { log: databaseUrl(url, names.log), state: databaseUrl(url, names.state) };
}

async function clone(template: string, name: string): Promise<void> {
  // Half of what WAL_LOG costs, which leaves every block to be written by the checkpoint of a drop.
  await query(
    testCluster().superUrl,
    `create database ${name} template ${template} owner ${OWNER} strategy file_copy`,
  );
}

/** Rights on a database itself are not cloned. */
async function cloneState(name: string): Promise<void> {
  await clone(TEMPLATES.state, name);
  const grant = `grant create on database ${name} to ${ROLES.stateReplayer}`;
  await query(testCluster().superUrl, grant);
}

const open: { pair: ClonedPair; lifetime: 'test' | 'file' }[] = [];

/**
 * Makes a pair of databases for a spec. Whatever the test does, afterwards its services are closed,
 * no connection may be left, the books must be right, and the pair is dropped.
 */
export async function cloneDatabases(options: CloneOptions = {}): Promise<TestDatabases> {
  const pair = new ClonedPair(options);
  await pair.create();
  open.push({ pair, lifetime: options.lifetime ?? 'test' });
  return pair;
}

const beforeDropping: (() => Promise<void>)[] = [];

/** Has `end` run after each test, before its databases are checked and dropped. */
export function endBeforeDatabases(end: () => Promise<void>): void {
  beforeDropping.push(end);
}

async function dropAll(lifetime: 'test' | 'file'): Promise<void> {
  if (lifetime === 'test') for (const end of beforeDropping) await end();
  const ended = open.filter((o) => o.lifetime === lifetime);
  const failures: unknown[] = [];
  for (const entry of ended) {
    open.splice(open.indexOf(entry), 1);
    await entry.pair.drop().catch((error: unknown) => failures.push(error));
  }
  await endQueries();
  if (failures.length > 0) throw failures[0];
}

/** Drops what was made for a whole spec file; done after its last test by itself. */
export function dropFileDatabases(): Promise<void> {
  return dropAll('file');
}

afterEach(() => dropAll('test'), 60_000);
afterAll(async () => {
  await dropFileDatabases();
  await endAllQueries();
}, 60_000);
