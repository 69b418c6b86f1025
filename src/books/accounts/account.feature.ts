import { defineFeature } from '../../engine/define/feature';
import { CloseAccount, OpenAccount } from './account.creators';
import { materializeAccountClosed, materializeAccountOpened } from './account.materializers';
import { accounts, entries } from './account.table';

export const accountFeature = defineFeature({
  name: 'accounts',
  tables: [accounts, entries],
  materializers: [materializeAccountOpened, materializeAccountClosed],
  creators: [OpenAccount, CloseAccount],
  problems: {
    account_already_closed: { status: 409, title: 'The account is closed already' },
    account_not_empty: { status: 422, title: 'The account has a balance' },
  },
  service: () => import('./account.service.js'),
});
