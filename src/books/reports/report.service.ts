import type { FeatureService } from '../../engine/define/feature';
import { BalanceController } from './balance.controller';
import { FinancialReportController } from './financial-report.controller';
import { StatementController } from './statement.controller';
import { TrialBalanceController } from './trial-balance.controller';

export const service: FeatureService = {
  controllers: [
    BalanceController,
    FinancialReportController,
    StatementController,
    TrialBalanceController,
  ],
};
