import * as createEventLog from './0001-create-event-log';
import * as createApiKeys from './0002-create-api-keys';

/** The migrations of the log database in order; frozen once released. */
export const logMigrations = {
  '0001-create-event-log': createEventLog,
  '0002-create-api-keys': createApiKeys,
};
