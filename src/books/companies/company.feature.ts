import type { Feature } from '../../engine/define/registry';
import { ChangeCompanyAddress, CreateCompany } from './company.creators';
import {
  ADDRESS_CHANGED_EMAIL,
  materializeCompanyAddressChanged,
  materializeCompanyCreated,
} from './company.materializers';
import { companies } from './company.table';

export const companyFeature: Feature = {
  tables: [companies],
  materializers: [materializeCompanyCreated, materializeCompanyAddressChanged],
  creators: [CreateCompany, ChangeCompanyAddress],
  tasks: [ADDRESS_CHANGED_EMAIL],
};
