import { recordRun, type RunProgress } from '../src/proof/runs/run-recorder';
import { openRunDatabase, type RunRequest } from '../src/proof/runs/run.queries';
import type { AnyReport } from '../src/proof/runs/run.table';
import type { Config } from '../src/config';
import type { DatabaseUrls } from '../src/database/connections';
import { progressBar } from './progress-bar';
import { interruption } from './run-script';

/** Who a run is recorded as asked for by, when a person or a timer runs a script. */
const SCRIPT_ACTOR = 'script';

/**
 * Does a verification or replay with a progress bar, and records it so that it is listed, followed
 * and aborted with those of the API. Ctrl-C ends it in order.
 */
export async function recordedRun<Report extends AnyReport>(
  urls: DatabaseUrls,
  config: Config,
  request: Omit<RunRequest, 'trigger' | 'requestedBy'>,
  work: (progress: RunProgress) => Promise<Report>,
): Promise<Report> {
  const db = openRunDatabase(urls.log, config.engine, () => undefined);
  const bar = progressBar('events');
  const asked: RunRequest = { ...request, trigger: 'script', requestedBy: SCRIPT_ACTOR };
  const withBar = ({ signal, onProgress }: RunProgress) =>
    work({
      signal,
      onProgress: (position, head) => {
        onProgress(position, head);
        bar.update(position, head);
      },
    });
  try {
    return await recordRun(db, asked, withBar, { stop: interruption() });
  } finally {
    bar.stop();
    await db.destroy();
  }
}
