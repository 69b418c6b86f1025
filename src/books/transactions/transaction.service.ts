import type { FeatureService } from '../../engine/define/feature';
import { TransactionController } from './transaction.controller';

export const service: FeatureService = {
  controllers: [TransactionController],
};
