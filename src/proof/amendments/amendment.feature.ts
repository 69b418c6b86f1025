import { EventAmended } from '../../engine/catch-up/amendment.events';
import { defineMaterializer } from '../../engine/define/materializer';
import type { Feature } from '../../engine/define/registry';

/** An amendment is in the rows of what it amended, which the state is rebuilt with. */
const materializeEventAmended = defineMaterializer(EventAmended, 1, () => Promise.resolve());

export const amendmentFeature: Feature = {
  tables: [],
  materializers: [materializeEventAmended],
  // Amending rebuilds the whole state, which no creator can: see amend.ts.
  creators: [],
};
