import type { FeatureService } from '../../engine/define/feature';
import { CompanyController } from './company.controller';
import { AddressChangedMails } from './company.tasks';

export const service: FeatureService = {
  controllers: [CompanyController],
  taskHandlers: [AddressChangedMails],
};
