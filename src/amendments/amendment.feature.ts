import type { Feature } from '../engine/registry';
import { materializeEventAmended } from './amendment.materializers';

export const amendmentFeature: Feature = {
  tables: [],
  materializers: [materializeEventAmended],
  // Amending rebuilds the whole state, which no creator can: see amend.ts.
  creators: [],
};
