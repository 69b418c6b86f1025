import type { FeatureService } from '../../engine/define/feature';
import { BalanceController } from './balance.controller';
import { FinancialReportController } from './financial-report.controller';
import { GeneralLedgerController } from './general-ledger.controller';
import { StatementController } from './statement.controller';
import { TrialBalanceController } from './trial-balance.controller';

export const service: FeatureService = {
  controllers: [
    BalanceController,
    FinancialReportController,
    GeneralLedgerController,
    StatementController,
    TrialBalanceController,
  ],
};
