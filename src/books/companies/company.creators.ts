import { defineCreator } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import { isSameAddress, normalAddress, type AddressInput } from './company-address';
import { CompanyAddressChanged, CompanyCreated } from './company.events';
import { findCompany, needCompany } from './company.queries';
import { companies } from './company.table';
import { companyView } from './company.view';
import type { CompanyDto } from './company.dto';

export interface CreateCompanyInput {
  clientId?: string | undefined;
  name: string;
  contactEmail: string;
  address: AddressInput;
}

/** Creates a company. Refuses `client_id_taken`. */
export const CreateCompany = defineCreator<CreateCompanyInput, CompanyDto>({
  name: 'CreateCompany',
  needs: ({ clientId }, needs) => {
    if (clientId !== undefined) needs.row(companies, 'client_id', clientId);
  },
  run: async (context, { clientId, name, contactEmail, address }) => {
    if (clientId !== undefined) {
      const taken = await context.state.table(companies).find('client_id', clientId);
      if (taken) {
        throw new Refusal('client_id_taken', `A company with the clientId "${clientId}" exists`);
      }
    }
    const companyId = context.newId();
    await context.append(CompanyCreated, {
      companyId,
      clientId: clientId ?? null,
      name,
      contactEmail,
      address: normalAddress(address),
    });
    return companyView((await findCompany(context.state, companyId))!);
  },
});

/** `companyId`: an id or `client:<clientId>`. */
export interface ChangeCompanyAddressInput {
  companyId: string;
  address: AddressInput;
}

/**
 * Changes a company's address, of which its contact is told by mail. An address that is the old
 * one in normal form changes nothing and tells nobody. Refuses `not_found`.
 */
export const ChangeCompanyAddress = defineCreator<ChangeCompanyAddressInput, CompanyDto>({
  name: 'ChangeCompanyAddress',
  needs: ({ companyId }, needs) => needCompany(needs, companyId),
  run: async (context, input) => {
    const company = await findCompany(context.state, input.companyId);
    if (!company) throw new Refusal('not_found', `There is no company ${input.companyId}`);
    const address = normalAddress(input.address);
    if (isSameAddress(address, company.address)) return companyView(company);
    const companyId = company.company_id;
    await context.append(CompanyAddressChanged, { companyId, address });
    return companyView((await findCompany(context.state, companyId))!);
  },
});
