import { defineFeature } from '../../engine/define/feature';
import { ChangeLimit, CreateLimit, RemoveLimit } from './limit.creators';
import {
  materializeLimitChanged,
  materializeLimitCreated,
  materializeLimitRemoved,
} from './limit.materializers';
import { limitTargets, limitUses, velocityLimits } from './limit.table';

export const limitFeature = defineFeature({
  name: 'limits',
  tables: [velocityLimits, limitTargets, limitUses],
  materializers: [materializeLimitCreated, materializeLimitChanged, materializeLimitRemoved],
  creators: [CreateLimit, ChangeLimit, RemoveLimit],
  problems: {
    velocity_limit_exceeded: { status: 422, title: 'More would go through than a limit allows' },
    too_many_limits: { status: 422, title: 'The account or group has as many limits as it may' },
    limit_removed: { status: 409, title: 'The limit was removed' },
  },
  service: () => import('./limit.service.js'),
});
