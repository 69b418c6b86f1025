import type { FeatureService } from '../../engine/define/feature';
import { EventSubjects } from '../../outside/events/event-subject.queries';
import { ExplanationController } from './explanation.controller';
import { HistoryController } from './history.controller';
import { BookSubjects } from './book-subjects';

export const service: FeatureService = {
  controllers: [HistoryController, ExplanationController],
  providers: [{ provide: EventSubjects, useClass: BookSubjects }],
  exports: [EventSubjects],
};
