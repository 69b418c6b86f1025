import { rounds } from '../harness/rounds';
import { seededRandom, type Random } from '../harness/seed';
import { waitFor } from '../harness/waiting';
import { startWithPretendedWork } from '../proof/runs/run-service';
import { DocumentedClient, type Endpoint } from './documented-client';
import { DocumentedValues, type Seen, type ValueSchema } from './documented-values';

const LONG = 1_500;
const STEPS = rounds(250, LONG);
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** What asks for runs, which is to be walked too. */
const RUNS = /^\/v1\/admin\/(replays|replay-verifications)$/;

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly style?: string;
  readonly required?: boolean;
  readonly schema: ValueSchema;
}
type Described = Endpoint['operation'] & { readonly parameters?: readonly Parameter[] };

/** Goes on from what was answered: its ids and cursors are what is asked for next. */
class Walk {
  private readonly seen: Seen = { references: [], positions: [], cursors: [] };
  private readonly values: DocumentedValues;
  private readonly endpoints: Endpoint[];
  readonly statuses = new Map<number, number>();

  constructor(
    private readonly api: DocumentedClient,
    private readonly random: Random,
  ) {
    this.values = new DocumentedValues(api.document, random, this.seen);
    this.endpoints = api.endpoints;
  }

  async step(): Promise<void> {
    const { random } = this;
    // Half of the requests are meant to be good ones.
    await this.ask(random.pick(this.endpoints), random.chance(0.5) ? 0 : 0.15);
  }

  private async ask(endpoint: Endpoint, oddity: number): Promise<void> {
    const { api, random } = this;
    const path = this.pathOf(endpoint, oddity);
    const options = random.chance(0.3) ? { idempotencyKey: `key-${random.below(30)}` } : {};
    const body = this.bodyOf(endpoint, oddity);
    const { method } = endpoint;
    const answer =
      method === 'get'
        ? await api.get(path)
        : await api[method as 'post' | 'put' | 'patch'](path, body, options);
    expect([method, path, answer.status]).not.toContain(500);
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
    this.remember(answer.body);
  }

  /** Something to begin with, which hardly comes about by chance. */
  async begin(): Promise<void> {
    for (const type of ['asset', 'liability', 'asset', 'equity']) {
      const account = { clientId: `of-${type}-${this.seen.references.length}`, name: 'x', type };
      this.remember((await this.api.post('/v1/accounts', { ...account, currency: 'USD' })).body);
    }
  }

  /** Both kinds of runs, which a short walk may have left out. */
  async askForRuns(): Promise<void> {
    const asking = this.endpoints.filter(
      ({ method, path }) => method === 'post' && RUNS.test(path),
    );
    expect(asking).toHaveLength(2);
    for (const { path } of asking)
      expect([201, 202, 409]).toContain((await this.api.post(path)).status);
  }

  /** Every method that the document does not have is refused, and those that it has are named. */
  async otherMethods(): Promise<void> {
    const { api } = this;
    for (const path of Object.keys(api.document.paths)) {
      const has = Object.keys(api.document.paths[path]!).map((method) => method.toUpperCase());
      const some = path.replaceAll(/\{\w+\}/g, '1');
      for (const method of METHODS.filter((one) => !api.answers(one, some))) {
        const url = `${api.url}${some}`;
        const response = await fetch(url, { method, headers: api.authorization });
        await response.arrayBuffer();
        const allowed = (response.headers.get('allow') ?? '').split(', ');
        expect([method, path, response.status]).toEqual([method, path, 405]);
        expect(allowed).toEqual(expect.arrayContaining(has));
      }
    }
  }

  private pathOf({ path, operation }: Endpoint, oddity: number): string {
    const { random, values } = this;
    const { parameters = [] } = operation as Described;
    const query = new URLSearchParams();
    for (const { name, in: place, style, schema, required } of parameters) {
      if (place !== 'query' || !(required || random.chance(0.25))) continue;
      const value = name === 'cursor' ? values.known('cursors') : values.of(schema, oddity);
      const sent = style === 'deepObject' ? `${name}[key]` : name;
      query.append(sent, typeof value === 'string' ? value : JSON.stringify(value));
    }
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) =>
      encodeURIComponent(values.known(name === 'position' ? 'positions' : 'references') || 'x'),
    );
    return query.size > 0 ? `${filled}?${query.toString()}` : filled;
  }

  private bodyOf({ operation }: Endpoint, oddity: number): object {
    const schema = operation.requestBody?.content['application/json']?.schema;
    return schema ? (this.values.of(schema, oddity) as object) : {};
  }

  private remember(body: unknown): void {
    const { seen } = this;
    for (const [name, value] of Object.entries(body ?? {}) as [string, unknown][]) {
      if (Array.isArray(value)) value.slice(0, 3).forEach((one) => this.remember(one));
      if (typeof value === 'number' && name === 'position') seen.positions.push(String(value));
      if (typeof value !== 'string') continue;
      if (name === 'nextCursor') seen.cursors.push(value);
      if (name === 'clientId') seen.references.push(`client:${value}`);
      if (name === 'id' || name === 'taskId') seen.references.push(value);
    }
  }
}

describe('any requests, one after the other', () => {
  it('are answered as the document says, whatever the ledger has by then', async () => {
    const random = seededRandom();
    const { service, work } = await startWithPretendedWork();
    // Else they would wait for what a spec says, which nobody does here.
    work.endsAtOnce = true;
    const walk = new Walk(await DocumentedClient.of(service), random);
    await walk.begin();
    for (let step = 0; step < STEPS; step++) await walk.step();
    await walk.askForRuns();
    await waitFor('runs that were begun', () => work.runs.length > 0);
    await walk.otherMethods();
    process.stderr.write(`Answers: ${JSON.stringify([...walk.statuses].sort())}\n`);
    // That something is made comes about by chance, for which a short walk may be too short.
    const made = STEPS >= LONG ? [201] : [];
    const statuses = [...walk.statuses.keys()];
    expect(statuses).toEqual(expect.arrayContaining([200, 400, 404, 422, ...made]));
  }, 300_000);
});
