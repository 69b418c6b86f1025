import { Inject, Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import type { Schedule } from '../../engine/define/schedule';
import type { LogDatabase } from '../../engine/write/event-log';
import { CONFIG, LOG_READER } from '../../http/service-tokens';
import type { CheckpointConfig } from './checkpoint-config';
import { checkpointNow } from './write-checkpoint';

/** What checkpoints read of the configuration. */
interface CheckpointScheduleConfig {
  readonly checkpoints: CheckpointConfig;
  readonly schedules: { readonly checkpoint: string | undefined };
}

/** Writes a signed checkpoint of the log outside the databases. */
@Injectable()
export class CheckpointSchedule implements Schedule {
  readonly name = 'checkpoint';

  constructor(
    @Inject(CONFIG) private readonly config: CheckpointScheduleConfig,
    @Inject(LOG_READER) private readonly log: Kysely<LogDatabase>,
  ) {}

  get pattern(): string | undefined {
    return this.config.schedules.checkpoint;
  }

  async run(): Promise<void> {
    await checkpointNow({ log: this.log, config: this.config.checkpoints });
  }
}
