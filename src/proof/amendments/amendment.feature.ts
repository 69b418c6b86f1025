import { eventAmendments } from '../../engine/catch-up/amendment.table';
import { defineFeature } from '../../engine/define/feature';
import { materializeEventAmended } from './amendment.materializer';

export const amendmentFeature = defineFeature({
  name: 'amendments',
  tables: [eventAmendments],
  materializers: [materializeEventAmended],
  problems: {
    log_not_whole: { status: 409, title: 'The log is not what was written' },
    event_not_amendable: { status: 422, title: 'The event cannot be amended' },
    nothing_to_amend: { status: 422, title: 'The event has this data already' },
    amendment_breaks_seal: { status: 422, title: 'A closed period would add up to something else' },
    amendment_not_materializable: { status: 422, title: 'An event could not be materialized' },
  },
  service: () => import('./amendment.service.js'),
});
