import type { FeatureService } from '../../engine/define/feature';
import { CurrencyController } from './currency.controller';

export const service: FeatureService = {
  controllers: [CurrencyController],
};
