import * as createEventLog from './0001-create-event-log';
import * as createApiKeys from './0002-create-api-keys';
import * as createTasks from './0003-create-tasks';
import * as createRuns from './0004-create-runs';
import * as amendEvents from './0005-amend-events';
import * as deferTasks from './0006-defer-tasks';
import * as listDeferredTasks from './0007-list-deferred-tasks';
import * as withdrawApiKeys from './0008-withdraw-api-keys';
import * as acceptTimes from './0009-accept-times';
import * as findEvents from './0010-find-events';
import * as findEventsOfActors from './0011-find-events-of-actors';

/** The migrations of the log database in order; frozen once released. */
export const logMigrations = {
  '0001-create-event-log': createEventLog,
  '0002-create-api-keys': createApiKeys,
  '0003-create-tasks': createTasks,
  '0004-create-runs': createRuns,
  '0005-amend-events': amendEvents,
  '0006-defer-tasks': deferTasks,
  '0007-list-deferred-tasks': listDeferredTasks,
  '0008-withdraw-api-keys': withdrawApiKeys,
  '0009-accept-times': acceptTimes,
  '0010-find-events': findEvents,
  '0011-find-events-of-actors': findEventsOfActors,
};
