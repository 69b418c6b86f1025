import type { FeatureService } from '../../engine/define/feature';
import { EventSubjects } from '../../outside/events/event-subject.queries';
import { BookSubjects } from './book-subjects';

export const service: FeatureService = {
  providers: [{ provide: EventSubjects, useClass: BookSubjects }],
  exports: [EventSubjects],
};
