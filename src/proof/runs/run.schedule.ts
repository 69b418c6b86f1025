import { Inject, Injectable } from '@nestjs/common';
import type { Schedule } from '../../engine/define/schedule';
import { CONFIG } from '../../http/service-tokens';
import { RunPool } from './run-pool';
import { RunRunner } from './run-runner';
import { insertScheduled } from './run.queries';

/** Asks for a verification, unless one is asked for already. */
@Injectable()
export class VerificationSchedule implements Schedule {
  readonly name = 'verification';

  constructor(
    @Inject(CONFIG)
    private readonly config: { readonly schedules: { readonly verify: string | undefined } },
    private readonly pool: RunPool,
    private readonly runner: RunRunner,
  ) {}

  get pattern(): string | undefined {
    return this.config.schedules.verify;
  }

  async run(at: Date): Promise<void> {
    if (await insertScheduled(this.pool.db, at)) this.runner.wake();
  }
}
