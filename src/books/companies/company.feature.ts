import { defineFeature } from '../../engine/define/feature';
import { ChangeCompanyAddress, CreateCompany } from './company.creators';
import {
  ADDRESS_CHANGED_EMAIL,
  materializeCompanyAddressChanged,
  materializeCompanyCreated,
} from './company.materializers';
import { companies } from './company.table';

export const companyFeature = defineFeature({
  name: 'companies',
  tables: [companies],
  materializers: [materializeCompanyCreated, materializeCompanyAddressChanged],
  creators: [CreateCompany, ChangeCompanyAddress],
  tasks: [ADDRESS_CHANGED_EMAIL],
  service: () => import('./company.service.js'),
});
