import { AddressChangedMails } from '../../../src/books/companies/company.tasks';
import type { ServiceProvider } from '../../../src/engine/define/feature';
import type { TaskHandler } from '../../../src/engine/define/task-handler';
import { startTestService, type TestService, type TestServiceOptions } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import type { TaskDto } from '../../../src/outside/tasks/task.dto';

export const EMAIL = 'company.address-changed-email';

export interface TaskPage {
  data: TaskDto[];
  nextCursor: string | null;
}

/** Another way to do the mails, as a replacement for a service. */
export function withEmail(run: TaskHandler['run']): ServiceProvider {
  const handler: TaskHandler = { name: EMAIL, options: { isOrdered: true }, run };
  return { provide: AddressChangedMails, useValue: handler };
}

/** A company whose address can be changed, each change asking for one mail. */
export class Company {
  private moves = 0;

  private constructor(
    private readonly service: TestService,
    readonly id: string,
  ) {}

  static async create(service: TestService, name = 'Acme'): Promise<Company> {
    const { status, body } = await service.api.post('/v1/companies', {
      name,
      contactEmail: `${name.toLowerCase()}@example.com`,
      address: addressOf(0),
    });
    expect(status).toBe(201);
    return new Company(service, body['id'] as string);
  }

  /** @returns position of the event */
  async move(): Promise<number> {
    const address = addressOf(++this.moves);
    const { status, headers } = await this.service.api.put(
      `/v1/companies/${this.id}/address`,
      address,
    );
    expect(status).toBe(200);
    return Number(headers.get('ledger-position'));
  }
}

function addressOf(number: number) {
  return {
    line1: `${number} Main Street`,
    city: 'Springfield',
    postalCode: '12345',
    country: 'US',
  };
}

/** A service with one company and the one task of its change of address. */
export async function startWithTask(options: TestServiceOptions) {
  const service = await startTestService(options);
  const company = await Company.create(service);
  const position = await company.move();
  const { body } = await service.api.get<TaskPage>('/v1/tasks');
  expect(body.data).toHaveLength(1);
  const { taskId } = body.data[0]!;
  const read = async () => (await service.api.get<TaskDto>(`/v1/tasks/${taskId}`)).body;
  const becomes = (status: string) =>
    waitFor(`the task to be ${status}`, async () => {
      const task = await read();
      return task.status === status && task;
    });
  const retry = (options = {}) =>
    service.api.post<TaskDto>(`/v1/tasks/${taskId}/retry`, {}, options);
  return { service, company, position, taskId, read, becomes, retry };
}
