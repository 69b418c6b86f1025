import { defineFeature } from '../../engine/define/feature';
import {
  ChangeAccount,
  FreezeAccount,
  ReopenAccount,
  UnfreezeAccount,
} from './account-change.creators';
import { CloseAccount, OpenAccount } from './account.creators';
import {
  materializeAccountChanged,
  materializeAccountClosed,
  materializeAccountFrozen,
  materializeAccountOpened,
  materializeAccountReopened,
  materializeAccountUnfrozen,
} from './account.materializers';
import { accounts, accountVersions, entries, holdEntries } from './account.table';
import { entryMarks, lateEntries, lateSums } from './dated-entries.table';

export const accountFeature = defineFeature({
  name: 'accounts',
  tables: [accounts, accountVersions, entries, holdEntries, entryMarks, lateEntries, lateSums],
  materializers: [
    materializeAccountOpened,
    materializeAccountChanged,
    materializeAccountFrozen,
    materializeAccountUnfrozen,
    materializeAccountClosed,
    materializeAccountReopened,
  ],
  creators: [
    OpenAccount,
    ChangeAccount,
    FreezeAccount,
    UnfreezeAccount,
    CloseAccount,
    ReopenAccount,
  ],
  problems: {
    account_already_closed: { status: 409, title: 'The account is closed already' },
    account_not_closed: { status: 409, title: 'The account is open' },
    account_not_frozen: { status: 409, title: 'The account is not frozen' },
    limit_not_met: { status: 422, title: 'The balance does not meet the limit' },
    account_not_empty: { status: 422, title: 'The account has a balance or open holds' },
  },
  service: () => import('./account.service.js'),
});
