import { defineFeature } from '../../engine/define/feature';

/** Verifications and replays that a running service does. */
export const runFeature = defineFeature({
  name: 'runs',
  problems: {
    run_not_active: { status: 409, title: 'The run has ended already' },
    verification_queued: { status: 409, title: 'Another verification waits already' },
    replay_in_progress: { status: 409, title: 'Another replay or verification is under way' },
    no_way_back: { status: 409, title: 'There is no state to swap back to' },
    replay_differs: { status: 409, title: 'The rebuilt state differs from the live one' },
  },
  service: () => import('./run.service.js'),
});
