import { Story, STORY_TIME } from '../../../test/harness/story';
import type { AddressInput } from './company-address';
import { ChangeCompanyAddress, CreateCompany, type CreateCompanyInput } from './company.creators';

const address: AddressInput = {
  line1: 'Hauptstraße 1',
  city: 'Zürich',
  postalCode: '8001',
  country: 'CH',
};
const acme: CreateCompanyInput = { name: 'Acme', contactEmail: 'ceo@acme.example', address };

describe('CreateCompany', () => {
  it('creates a company with an address in normal form, and asks for no mail', async () => {
    const { events, tasks, answer } = await new Story().when(CreateCompany, {
      ...acme,
      clientId: 'acme',
      address: { ...address, line1: ' Hauptstraße 1\u00a0', line2: ' ', city: 'Zu\u0308rich' },
    });
    const data = {
      companyId: expect.any(String) as unknown,
      clientId: 'acme',
      name: 'Acme',
      contactEmail: 'ceo@acme.example',
      address: { ...address, line2: null, region: null },
    };
    expect(events).toEqual([{ type: 'CompanyCreated', data }]);
    expect(tasks).toEqual([]);
    const { companyId: id, ...rest } = data;
    expect(answer).toEqual({ id, ...rest, version: 1, createdAt: STORY_TIME, position: 1 });
  });

  it('refuses a client id that a company has', async () => {
    const story = new Story();
    await story.given(CreateCompany, { ...acme, clientId: 'acme' });
    const { events, refusal } = await story.when(CreateCompany, { ...acme, clientId: 'acme' });
    expect(refusal?.code).toBe('client_id_taken');
    expect(events).toEqual([]);
  });
});

describe('ChangeCompanyAddress', () => {
  it('changes the address and asks for one mail, with what it says as of then', async () => {
    const story = new Story();
    const { id } = await story.given(CreateCompany, { ...acme, clientId: 'acme' });
    const moved = { ...address, line2: 'Hof', region: 'ZH' };
    const { events, tasks, answer } = await story.when(ChangeCompanyAddress, {
      companyId: 'client:acme',
      address: moved,
    });
    expect(events).toEqual([
      { type: 'CompanyAddressChanged', data: { companyId: id, address: moved } },
    ]);
    const payload = {
      companyId: id,
      companyName: 'Acme',
      contactEmail: 'ceo@acme.example',
      address: moved,
      changedAt: STORY_TIME,
    };
    const subject = 'ceo@acme.example';
    expect(tasks).toEqual([{ name: 'company.address-changed-email', subject, payload }]);
    expect(answer).toMatchObject({ id, address: moved, version: 2, position: 2 });
  });

  it.each<[string, Partial<AddressInput>]>([
    ['the same', {}],
    ['null for what is absent', { line2: null, region: null }],
    ['undefined for what is absent', { line2: undefined }],
    ['blank for what is absent', { line2: '', region: ' \t' }],
    ['white space around lines', { line1: '  Hauptstraße 1 ', postalCode: '8001 ' }],
    ['the same letters in another form', { city: 'Zu\u0308rich' }],
  ])('does nothing for %s', async (_, change) => {
    const story = new Story();
    const company = await story.given(CreateCompany, acme);
    const consequence = await story.when(ChangeCompanyAddress, {
      companyId: company.id.toUpperCase(),
      address: { ...address, ...change },
    });
    expect(consequence).toEqual({
      ...{ events: [], tasks: [], refusal: undefined },
      answer: company,
    });
  });

  it.each<Partial<AddressInput>>([
    { line1: 'Hauptstraße 2' },
    { line1: 'HAUPTSTRASSE 1' },
    { line1: 'Hauptstraße  1' },
    { line2: 'Hof' },
    { city: 'Zurich' },
    { region: 'ZH' },
    { postalCode: '8002' },
    { country: 'DE' },
  ])('takes %j for another address', async (change) => {
    const story = new Story();
    const { id: companyId } = await story.given(CreateCompany, acme);
    const there = { companyId, address: { ...address, ...change } };
    expect((await story.when(ChangeCompanyAddress, there)).tasks).toHaveLength(1);
    expect((await story.when(ChangeCompanyAddress, there)).tasks).toHaveLength(0);
    expect((await story.when(ChangeCompanyAddress, { companyId, address })).events).toHaveLength(1);
  });

  it.each(['client:nobody', '00000000-0000-7000-8000-00000000ffff', 'no reference'])(
    'does not find %j',
    async (companyId) => {
      const { events, refusal } = await new Story().when(ChangeCompanyAddress, {
        companyId,
        address,
      });
      expect(refusal?.code).toBe('not_found');
      expect(events).toEqual([]);
    },
  );
});
