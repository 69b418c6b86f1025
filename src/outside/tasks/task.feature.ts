import { defineFeature } from '../../engine/define/feature';

/** Does what the events of all features ask for, and keeps their schedules. */
export const taskFeature = defineFeature({
  name: 'tasks',
  problems: {
    task_not_failed: { status: 409, title: 'The task has not failed' },
    task_under_way: { status: 409, title: 'The task is under way' },
  },
  service: () => import('./task.service.js'),
});
