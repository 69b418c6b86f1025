import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Kysely } from 'kysely';
import type { DatabaseUrls, SessionTimeouts } from '../../database/connections';
import type { EngineLog } from '../../engine/write/ledger-parts';
import { CONFIG, DATABASE_URLS, SERVICE_LOG } from '../../http/service-tokens';
import { openRunDatabase } from './run.queries';
import type { RunDatabase } from './run.table';

/** The service's connections to the runs; closed after all who use them have stopped. */
@Injectable()
export class RunPool implements OnApplicationShutdown {
  readonly db: Kysely<RunDatabase>;

  constructor(
    @Inject(DATABASE_URLS) urls: DatabaseUrls,
    @Inject(CONFIG) config: { readonly engine: SessionTimeouts },
    @Inject(SERVICE_LOG) log: EngineLog,
  ) {
    const onError = (err: Error) => log.warn({ err }, 'an idle database connection broke');
    this.db = openRunDatabase(urls.log, config.engine, onError);
  }

  onApplicationShutdown(): Promise<void> {
    return this.db.destroy();
  }
}
