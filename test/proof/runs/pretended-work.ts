import type { RunProgress } from '../../../src/proof/runs/run-recorder';
import type { RunWork } from '../../../src/proof/runs/run-work';
import { GENESIS } from '../../../src/engine/define/event';
import { RunInProgress } from '../../../src/proof/replay/rebuild';
import type { ReplayReport, RunReport, VerificationReport } from '../../../src/proof/replay/report';
import { gate } from '../../harness/waiting';

/** What differs from the report of a run that found nothing wrong. */
type PretendedEnd = Partial<Omit<VerificationReport, 'status'> & Omit<ReplayReport, 'status'>> & {
  readonly status?: VerificationReport['status'] | ReplayReport['status'];
};

/** A run that `PretendedWork` was given. */
export interface PretendedRun {
  readonly options: RunProgress & { toPosition?: number; acceptDifferences?: string };
  /** Ends it. */
  end(report?: PretendedEnd): void;
  fail(error: Error): void;
}

/** Verifies and replays nothing: a spec says how far each run is and how it ends. */
export class PretendedWork implements RunWork {
  readonly runs: PretendedRun[] = [];
  /** Whether runs find nothing wrong and end by themselves. */
  endsAtOnce = false;
  /** As if a script were at it. */
  isBusy = false;
  attempts = 0;
  underWay = 0;
  mostAtOnce = 0;

  verify(options: PretendedRun['options']): Promise<VerificationReport> {
    return this.do(options, { status: 'passed', ...reportOf(options) });
  }

  replay(options: PretendedRun['options']): Promise<ReplayReport> {
    const report = { ...reportOf(options), accepted: options.acceptDifferences ?? null };
    return this.do(options, { status: 'swapped', swapMs: 12, ...report });
  }

  private async do<Report extends VerificationReport | ReplayReport>(
    options: PretendedRun['options'],
    passed: Report,
  ): Promise<Report> {
    this.attempts++;
    if (this.isBusy) throw new RunInProgress();
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.underWay);
    const { opened, open } = gate();
    let end: Report | Error = passed;
    const finish = (as: Report | Error) => {
      end = as;
      open();
    };
    options.signal.addEventListener('abort', () => finish({ ...passed, status: 'aborted' }));
    this.runs.push({
      options,
      end: (report = {}) => finish({ ...passed, ...report }),
      fail: finish,
    });
    if (this.endsAtOnce) finish(passed);
    await opened;
    this.underWay--;
    if (end instanceof Error) throw end;
    return end;
  }
}

/** The report of a run that found nothing wrong with ten events. */
function reportOf({ toPosition = 10 }: PretendedRun['options']): Omit<RunReport, 'status'> {
  const now = new Date().toISOString();
  return {
    toPosition,
    processed: toPosition,
    rebuildMs: 10,
    eventsPerSecond: 1_000,
    startedAt: now,
    finishedAt: now,
    chain: { ok: true, brokenAt: null },
    log: [],
    tables: [
      {
        table: 'accounts',
        liveRows: 4,
        rebuiltRows: 4,
        missing: 0,
        extra: 0,
        changed: 0,
        firstDivergingPosition: null,
        samples: [],
      },
    ],
    tasks: {
      matched: 3,
      missing: 0,
      extra: 0,
      amended: 0,
      executed: 0,
      firstDifference: null,
      samples: [],
    },
    doom: null,
    ranOn: {
      codeVersion: '1.2.3',
      materializersVersion: 'aaaa',
      stateMaterializersVersion: 'aaaa',
      logHead: GENESIS,
      stateHead: GENESIS,
    },
    peakMib: 100,
  };
}
