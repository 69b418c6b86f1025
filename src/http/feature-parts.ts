import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { tokenOf, type FeatureService, type ServiceProvider } from '../engine/define/feature';
import type { Measurement } from '../engine/define/measurement';
import type { Schedule } from '../engine/define/schedule';
import type { TaskHandler } from '../engine/define/task-handler';
import { FEATURE_SERVICES } from './service-tokens';

/** What the features bring, for those who do something with all of it; once all of it is made. */
@Injectable()
export class FeatureParts {
  constructor(
    private readonly made: ModuleRef,
    @Inject(FEATURE_SERVICES) private readonly services: readonly FeatureService[],
  ) {}

  taskHandlers(): TaskHandler[] {
    return this.services.flatMap(({ taskHandlers = [] }) => this.all(taskHandlers));
  }

  schedules(): Schedule[] {
    return this.services.flatMap(({ schedules = [] }) => this.all(schedules));
  }

  measurements(): Measurement[] {
    return this.services.flatMap(({ measurements = [] }) => this.all(measurements));
  }

  private all<T>(providers: readonly ServiceProvider<T>[]): T[] {
    return providers.map((provider) =>
      this.made.get<unknown, T>(tokenOf(provider), { strict: false }),
    );
  }
}
