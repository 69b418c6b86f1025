import type { ServiceProvider } from '../../../src/engine/define/feature';
import { RunTimings } from '../../../src/proof/runs/run-runner';
import { RunWork } from '../../../src/proof/runs/run-work';
import { startTestService, type TestService, type TestServiceOptions } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { PretendedWork } from './pretended-work';
import type { RunDto } from '../../../src/proof/runs/run.dto';

/** Short, so that tests wait for what matters. */
const TIMINGS: RunTimings = {
  pollMs: 50,
  beatMs: 50,
  deadMs: 2_000,
  stopMs: 5_000,
  replayAnswerMs: 10_000,
};

/** A replacement for a service: runs that are looked for and answered soon. */
export function withTimings(timings: Partial<RunTimings> = {}): ServiceProvider {
  return { provide: RunTimings, useValue: { ...TIMINGS, ...timings } };
}

/** A replacement for a service: runs that do what a spec says. */
export function withWork(work: RunWork): ServiceProvider {
  return { provide: RunWork, useValue: work };
}

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

export interface PretendedOptions extends Pick<TestServiceOptions, 'env' | 'runs'> {
  /** How long a request for a replay waits for its end; default 300 ms. */
  readonly replayAnswerMs?: number;
}

/** A service whose runs do nothing but what the spec says. */
export async function startWithPretendedWork(options: PretendedOptions = {}) {
  const { replayAnswerMs = 300, runs = true, ...rest } = options;
  const work = new PretendedWork();
  const replace = [withWork(work), withTimings({ replayAnswerMs })];
  const service = await startTestService({ ...rest, runs, replace });
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
