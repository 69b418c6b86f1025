import { defineFeature } from '../../engine/define/feature';
import { subjectObserver } from './subject.observer';
import { subjectPositions } from './subject.table';

export const historyFeature = defineFeature({
  name: 'history',
  tables: [subjectPositions],
  observers: [subjectObserver],
  service: () => import('./history.service.js'),
});
