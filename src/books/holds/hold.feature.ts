import { defineFeature } from '../../engine/define/feature';
import { refuseUnbalanced } from '../transactions/transaction.rules';
import { CaptureHold } from './capture.creator';
import { ExpireHolds, PlaceHold, VoidHold } from './hold.creators';
import { HoldCaptured, HoldPlaced } from './hold.events';
import {
  materializeHoldCaptured,
  materializeHoldExpired,
  materializeHoldPlaced,
  materializeHoldVoided,
} from './hold.materializers';
import { endedHolds, holds, openHolds } from './hold.table';

export const holdFeature = defineFeature({
  name: 'holds',
  tables: [holds, openHolds, endedHolds],
  materializers: [
    materializeHoldPlaced,
    materializeHoldCaptured,
    materializeHoldVoided,
    materializeHoldExpired,
  ],
  dataRules: [
    { event: HoldPlaced, check: refuseUnbalanced },
    { event: HoldCaptured, check: refuseUnbalanced },
  ],
  creators: [PlaceHold, CaptureHold, VoidHold, ExpireHolds],
  problems: {
    hold_not_open: { status: 409, title: 'The hold is in another state, or expired' },
    too_many_captures: { status: 422, title: 'The hold was captured in as many parts as may be' },
    hold_exceeded: { status: 422, title: 'The hold has not so much left' },
  },
  service: () => import('./hold.service.js'),
});
