import type { KyselyPlugin } from 'kysely';
import { openPool, ROLES } from '../../src/database/connections';
import type { Command, Creator, Outcome } from '../../src/engine/define/creator';
import { systemClock } from '../../src/engine/define/ids';
import { Registry } from '../../src/engine/define/registry';
import type { StateDatabase } from '../../src/engine/define/state-table';
import { BufferedSession } from '../../src/engine/session/buffered-session';
import { loadRowsFrom } from '../../src/engine/session/row-loader';
import { aheadOfLocks } from '../../src/engine/session/session-mode';
import { Execution } from '../../src/engine/write/execution';
import { features } from '../../src/features';
import { BookDays } from '../../src/money/book-days';
import { EVERY_TYPE } from '../../src/outside/webhooks/webhook.events';
import { webhookRoutes } from '../../src/outside/webhooks/webhook.table';
import { TEST_LIMITS, type TestLedger } from './ledger';

/** Counts the queries that come back. */
class Counted implements KyselyPlugin {
  queries = 0;

  transformQuery({ node }: Parameters<KyselyPlugin['transformQuery']>[0]) {
    return node;
  }

  transformResult({ result }: Parameters<KyselyPlugin['transformResult']>[0]) {
    this.queries++;
    return Promise.resolve(result);
  }
}

/** What became of commands that ran ahead. */
export interface Run {
  readonly outcomes: Outcome[];
  /** Queries before the first command is run, and while they are run. */
  readonly before: { log: number; state: number };
  readonly while: { log: number; state: number };
}

/**
 * Runs commands as a batch ahead of the locks does, where a command that wants SQL throws.
 * @param appended the types of their events
 */
export async function runAhead(
  ledger: TestLedger,
  commands: readonly Command[],
  appended: readonly string[] = [],
): Promise<Run> {
  const { open, databases } = ledger;
  const [log, state] = [new Counted(), new Counted()];
  const { urls } = databases;
  const pool = openPool<StateDatabase>(
    urls.state,
    ROLES.stateReader,
    TEST_LIMITS,
    2,
    () => undefined,
  );
  try {
    const registry = new Registry(features);
    const mode = aheadOfLocks(loadRowsFrom(pool.withPlugin(state)));
    const session = new BufferedSession(registry.tables, open.ledger.head, mode);
    session.beginBatch(1);
    // Who wants to be told of which events is looked up once in the life of a session.
    await session.table(webhookRoutes).load('event_type', [...appended, EVERY_TYPE]);
    state.queries = 0;
    const scope = {
      registry,
      clock: systemClock,
      days: new BookDays('UTC'),
      log: open.logReader.withPlugin(log),
    };
    const execution = new Execution(session, scope, '');
    expect(await execution.prepare(commands, TEST_LIMITS.batchBytesLimit)).toBe(commands.length);
    const before = { log: log.queries, state: state.queries };
    const outcomes: Outcome[] = [];
    for (const command of commands) outcomes.push(await execution.run(command));
    const after = { log: log.queries - before.log, state: state.queries - before.state };
    return { outcomes, before, while: after };
  } finally {
    await pool.destroy();
  }
}

/** A command of a test's. */
export function command<Input, Answer>(
  creator: Creator<Input, Answer>,
  input: Input,
  idempotencyKey?: string,
): Command {
  return { creator: creator as unknown as Creator, input, actor: 'tester', idempotencyKey };
}

/** That no query came back. */
export const NOTHING = { log: 0, state: 0 };
