import { EventAmended } from '../engine/amendment.events';
import { defineMaterializer } from '../engine/materializer';

/** An amendment is in the rows of what it amended, which the state is rebuilt with. */
export const materializeEventAmended = defineMaterializer(EventAmended, 1, () => Promise.resolve());
