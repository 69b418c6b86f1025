import { kyselyOn } from '../../database/connections';
import { allDone } from '../../database/sqlstates';
import type { WriterConnection } from '../../database/writer-connection';
import type { StateDatabase } from '../define/state-table';
import { encodeChanges, send } from './flush';
import { loadRowsFrom } from './row-loader';
import { underLocks, type Buffered, type LockedQueries, type UnderLocks } from './session-mode';

/** Plain SQL on the state, in a transaction that holds the locks. */
export function lockedQueries(state: WriterConnection): LockedQueries {
  const flush = async (session: Buffered) => {
    // A refused row is the cause; that what was sent after it is refused too may be heard first.
    await allDone(send(state, encodeChanges(session.takeChanges())));
  };
  return {
    flush,
    savepoint: async (session) => {
      await flush(session);
      await state.send('savepoint command');
    },
    release: async (keep) => {
      if (!keep) void state.send('rollback to savepoint command');
      await state.send('release savepoint command');
    },
    db: kyselyOn<StateDatabase>(() => state.current),
  };
}

/** The mode of a session whose rows come, and whose SQL goes, through a locked transaction. */
export function underLocksOf(state: WriterConnection): UnderLocks {
  const queries = lockedQueries(state);
  return underLocks(loadRowsFrom(queries.db), queries);
}
