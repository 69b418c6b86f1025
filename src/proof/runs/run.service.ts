import type { FeatureService } from '../../engine/define/feature';
import { VerificationHealth } from '../../http/health-parts';
import { ReplayController } from './replay.controller';
import { RunActions } from './run-actions';
import { RunFeed } from './run-feed';
import { RunPool } from './run-pool';
import { RunRunner, RunTimings } from './run-runner';
import { BooksWork, RunWork } from './run-work';
import { VerificationMeasurement } from './run.measurements';
import { VerificationSchedule } from './run.schedule';
import { VerificationController } from './verification.controller';

export const service: FeatureService = {
  controllers: [VerificationController, ReplayController],
  providers: [
    RunPool,
    RunFeed,
    { provide: RunWork, useClass: BooksWork },
    RunTimings,
    RunRunner,
    RunActions,
    { provide: VerificationHealth, useExisting: RunFeed },
  ],
  exports: [VerificationHealth],
  schedules: [VerificationSchedule],
  measurements: [VerificationMeasurement],
};
