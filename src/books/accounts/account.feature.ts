import type { Feature } from '../../engine/define/registry';
import { CloseAccount, OpenAccount } from './account.creators';
import { materializeAccountClosed, materializeAccountOpened } from './account.materializers';
import { accounts } from './account.table';

export const accountFeature: Feature = {
  tables: [accounts],
  materializers: [materializeAccountOpened, materializeAccountClosed],
  creators: [OpenAccount, CloseAccount],
};
