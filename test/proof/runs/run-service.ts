import { startTestService, type TestService, type TestServiceOptions } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { PretendedWork } from './pretended-work';
import type { RunDto } from '../../../src/proof/runs/run.dto';

/** Short, so that tests wait for what matters. */
export const RUN_TIMINGS = { pollMs: 50, beatMs: 50, deadMs: 2_000, stopMs: 5_000 };

export interface RunPage {
  data: RunDto[];
  nextCursor: string | null;
}

/** What the API does with verifications or with replays. */
export class RunApi {
  constructor(
    private readonly service: TestService,
    readonly path: string,
  ) {}

  request(body: object = {}, options = {}) {
    return this.service.api.post<RunDto & { code?: string }>(this.path, body, options);
  }

  async read(id: string): Promise<RunDto> {
    const { status, body } = await this.service.api.get<RunDto>(`${this.path}/${id}`);
    expect(status).toBe(200);
    return body;
  }

  async list(query = ''): Promise<RunPage> {
    const { status, body } = await this.service.api.get<RunPage>(`${this.path}${query}`);
    expect(status).toBe(200);
    return body;
  }

  abort(id: string, options = {}) {
    return this.service.api.post<RunDto & { code?: string }>(
      `${this.path}/${id}/abort`,
      {},
      options,
    );
  }

  becomes(id: string, status: string): Promise<RunDto> {
    return waitFor(`the run to be ${status}`, async () => {
      const run = await this.read(id);
      return run.status === status && run;
    });
  }
}

/** A service whose runs do nothing but what the spec says. */
export async function startWithPretendedWork(options: TestServiceOptions = {}) {
  const work = new PretendedWork();
  const runs = { works: true, work, timings: RUN_TIMINGS, replayAnswerMs: 300, ...options.runs };
  const service = await startTestService({ ...options, runs });
  /** The run that was given to the work as its `number`th, from 1. */
  const begun = (number = 1) => waitFor('the run to begin', () => work.runs[number - 1]);
  return { service, work, begun, ...apisOf(service) };
}

export function apisOf(service: TestService) {
  return {
    verifications: new RunApi(service, '/v1/admin/replay-verifications'),
    replays: new RunApi(service, '/v1/admin/replays'),
  };
}

/** Some books, so that there is a head. @returns its position */
export async function openAccounts(service: TestService, count: number): Promise<number> {
  let position = 0;
  for (let i = 0; i < count; i++) {
    const account = { name: `Account ${i}`, type: 'asset', currency: 'USD' };
    const { status, headers } = await service.api.post('/v1/accounts', account);
    expect(status).toBe(201);
    position = Number(headers.get('ledger-position'));
  }
  return position;
}
