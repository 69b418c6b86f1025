import * as createState from './0001-create-state';
import * as createAccounts from './0002-create-accounts';
import * as createTransactions from './0003-create-transactions';
import * as createInterest from './0004-create-interest';
import * as createCompanies from './0005-create-companies';
import * as createOrders from './0006-create-orders';
import * as createWebhooks from './0007-create-webhooks';
import * as keepPositions from './0008-keep-positions';
import * as indexClosings from './0009-index-closings';
import * as nameSources from './0010-name-sources';
import * as keepDigits from './0011-keep-digits';
import * as keepAccruals from './0012-keep-accruals';
import * as changeAccounts from './0013-change-accounts';
import * as closePeriods from './0014-close-periods';
import * as createHolds from './0015-create-holds';
import * as limitVelocity from './0016-limit-velocity';
import * as scheduleTransactions from './0017-schedule-transactions';
import * as keepUses from './0018-keep-uses';
import * as dateEntries from './0019-date-entries';
import * as findSubjects from './0020-find-subjects';
import * as search from './0021-search';
import * as listHolds from './0022-list-holds';
import * as indexDates from './0023-index-dates';

/** The migrations of the state database in order; frozen once released. */
export const stateMigrations = {
  '0001-create-state': createState,
  '0002-create-accounts': createAccounts,
  '0003-create-transactions': createTransactions,
  '0004-create-interest': createInterest,
  '0005-create-companies': createCompanies,
  '0006-create-orders': createOrders,
  '0007-create-webhooks': createWebhooks,
  '0008-keep-positions': keepPositions,
  '0009-index-closings': indexClosings,
  '0010-name-sources': nameSources,
  '0011-keep-digits': keepDigits,
  '0012-keep-accruals': keepAccruals,
  '0013-change-accounts': changeAccounts,
  '0014-close-periods': closePeriods,
  '0015-create-holds': createHolds,
  '0016-limit-velocity': limitVelocity,
  '0017-schedule-transactions': scheduleTransactions,
  '0018-keep-uses': keepUses,
  '0019-date-entries': dateEntries,
  '0020-find-subjects': findSubjects,
  '0021-search': search,
  '0022-list-holds': listHolds,
  '0023-index-dates': indexDates,
};
