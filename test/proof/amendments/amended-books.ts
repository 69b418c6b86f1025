import type { ApiAnswer, RequestOptions } from '../../harness/api-client';
import { startTestService, type TestService, type TestServiceOptions } from '../../harness/service';
import type { AmendmentDto, EventBackupDto } from '../../../src/proof/amendments/amendment.dto';

export interface Posting {
  accountId: string;
  direction: 'debit' | 'credit';
  amount: string;
  currency: string;
  balanceAfter: string;
}

export interface PostedData {
  description: string;
  postings: Posting[];
}

export interface EventBody {
  position: number;
  eventId: string;
  type: string;
  version: number;
  hash: string;
  data: object;
  amended: object | null;
}

export type AmendAnswer = ApiAnswer<AmendmentDto & { code: string; detail: string }>;

/** The API of a service with two accounts between which money moves. */
export class AmendedBooks {
  constructor(readonly service: TestService) {}

  /** @returns the position of the transaction */
  async transfer(amount: string, description = 'A transfer'): Promise<number> {
    const { status, body } = await this.service.api.post<{ position: number }>('/v1/transactions', {
      description,
      postings: [
        { accountId: 'client:cash', direction: 'debit', amount },
        { accountId: 'client:equity', direction: 'credit', amount },
      ],
    });
    expect(status).toBe(201);
    return body.position;
  }

  async balance(clientId = 'cash'): Promise<string> {
    const { body } = await this.service.api.get<{ balance: string }>(
      `/v1/accounts/client:${clientId}`,
    );
    return body.balance;
  }

  async event(position: number): Promise<EventBody> {
    const { status, body } = await this.service.api.get<EventBody>(`/v1/events/${position}`);
    expect(status).toBe(200);
    return body;
  }

  /** The data of a transaction with another amount. */
  async withAmount(position: number, amount: string): Promise<PostedData> {
    const data = (await this.event(position)).data as PostedData;
    return { ...data, postings: data.postings.map((posting) => ({ ...posting, amount })) };
  }

  amend(position: number | string, body: object, options: RequestOptions = {}) {
    return this.service.api.post<AmendAnswer['body']>(
      `/v1/admin/events/${position}/amend`,
      body,
      options,
    );
  }

  restore(position: number, amendment: number, options: RequestOptions = {}) {
    return this.service.api.post<AmendAnswer['body']>(
      `/v1/admin/event-backups/${position}/${amendment}/restore`,
      { reason: 'It was right' },
      options,
    );
  }

  async backups(query = ''): Promise<{ data: EventBackupDto[]; nextCursor: string | null }> {
    const { status, body } = await this.service.api.get<{
      data: EventBackupDto[];
      nextCursor: string | null;
    }>(`/v1/admin/event-backups${query}`);
    expect(status).toBe(200);
    return body;
  }
}

export async function startAmendedBooks(options: TestServiceOptions = {}): Promise<AmendedBooks> {
  const service = await startTestService(options);
  for (const [clientId, type] of Object.entries({ cash: 'asset', equity: 'equity' })) {
    const account = { clientId, name: clientId, type, currency: 'USD' };
    expect((await service.api.post('/v1/accounts', account)).status).toBe(201);
  }
  return new AmendedBooks(service);
}
