import { EventAmended } from '../../engine/catch-up/amendment.events';
import { eventAmendments } from '../../engine/catch-up/amendment.table';
import { defineMaterializer } from '../../engine/define/materializer';

/** What it made of an event is in the rows of that, which the state is rebuilt with. */
export const materializeEventAmended = defineMaterializer(
  EventAmended,
  2,
  ({ position, actor, recordedAt, data }, { state }) => {
    state.append(eventAmendments, {
      amended_position: data.position,
      position,
      amended_by: actor,
      amended_at: recordedAt,
      reason: data.reason,
    });
  },
);
