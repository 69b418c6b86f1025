import * as createEventLog from './0001-create-event-log';
import * as createApiKeys from './0002-create-api-keys';
import * as createTasks from './0003-create-tasks';

/** The migrations of the log database in order; frozen once released. */
export const logMigrations = {
  '0001-create-event-log': createEventLog,
  '0002-create-api-keys': createApiKeys,
  '0003-create-tasks': createTasks,
};
