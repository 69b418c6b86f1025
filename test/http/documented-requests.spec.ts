import type { INestApplicationContext } from '@nestjs/common';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { isStorable } from '../../src/http/json-body';
import * as requests from '../../src/http/request-classes';
import type { Shape } from '../../src/http/shape-compiler';
import { fieldErrors } from '../../src/http/validation';
import { cloneDatabases } from '../harness/databases';
import { rounds } from '../harness/rounds';
import { checkProperty, runSeed } from '../harness/seed';
import { startTestService, type TestService } from '../harness/service';
import type { OpenApi } from './documented-client';
import { declaredFields, goodBodies, oddBodies } from './generated-bodies';

/** Bodies of each class and kind. */
const RUNS = 150;
const EMOJI = '😀';

/**
 * What OpenAPI 3.0 has no words for: the names of metadata, and characters that no body and no
 * query may contain anywhere, which the API refuses.
 */
function canBeSaid(value: unknown, name = ''): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  if (name === 'metadata') {
    const isPlain = (key: string) => /^[\w.-]{1,64}$/.test(key) && key !== '__proto__';
    if (!Object.keys(value).every(isPlain)) return false;
  }
  return Object.entries(value).every(([key, inside]) => canBeSaid(inside, key));
}

/** What can come in a query: text. */
function asQuery(body: object): object {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, text(value)]));
}

/** A query with the numbers and truths that a text of it stands for. */
function readAs({ properties }: DocumentedQuery, query: object): object {
  const read = (name: string, text: string) => {
    const { type } = properties[name] ?? {};
    const isNumber = type === 'integer' || type === 'number';
    const isValue = (isNumber && `${Number(text)}` === text) || type === 'boolean';
    return isValue && /^(-?\d+|true|false)$/.test(text) ? (JSON.parse(text) as unknown) : text;
  };
  return Object.fromEntries(
    Object.entries(query as Record<string, string>).map(([name, text]) => [name, read(name, text)]),
  );
}

interface DocumentedQuery {
  readonly properties: Readonly<Record<string, { readonly type?: string }>>;
}

/** The queries of a document, each as the schema of an object, by the names of its fields. */
function queriesOf(document: OpenApi): Map<string, DocumentedQuery[]> {
  const found = new Map<string, DocumentedQuery[]>();
  for (const methods of Object.values(document.paths)) {
    for (const { parameters = [] } of Object.values(methods) as Documented[]) {
      const fields = parameters.filter((parameter) => parameter.in === 'query');
      const properties = Object.fromEntries(
        fields.map(({ name, style, schema }) =>
          style === 'deepObject' ? [`${name}[key]`, schema.additionalProperties!] : [name, schema],
        ),
      );
      const required = fields.filter((field) => field.required).map(({ name }) => name);
      const schema = { type: 'object', properties, required, additionalProperties: false };
      const names = Object.keys(properties).sort().join();
      found.set(names, [...(found.get(names) ?? []), schema]);
    }
  }
  return found;
}

interface Documented {
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly style?: string;
    readonly schema: { readonly type?: string; readonly additionalProperties?: object };
  }[];
}

describe('the document and the service', () => {
  let queries: { shape: Shape; documented: ((query: object) => boolean)[] }[];
  let service: TestService;
  let document: OpenApi;
  let bodies: { shape: Shape; validate: (body: object) => boolean }[];

  beforeAll(async () => {
    const compile = jest.spyOn(requests, 'compileRequests');
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    const [[app]] = compile.mock.calls as [[INestApplicationContext]];
    document = (await service.api.get<OpenApi>('/docs/json')).body;
    const ajv = addFormats(new Ajv({ strict: true }));
    ajv.addVocabulary([...Object.keys(document), 'example']);
    ajv.addSchema(document, 'document');
    bodies = [...requests.requestClasses(app)].flatMap((shape) => {
      const validate = ajv.getSchema(`document#/components/schemas/${shape.name}`);
      return validate ? [{ shape, validate: (body: object) => validate(body) === true }] : [];
    });
    const documented = queriesOf(document);
    const isBody = (shape: Shape) => bodies.some((body) => body.shape === shape);
    queries = [...requests.requestClasses(app)].flatMap((shape) => {
      if (isBody(shape)) return [];
      const names = declaredFields(shape).map(({ name }) => name);
      const own = (documented.get(names.sort().join()) ?? []).map((schema) => {
        const validate = ajv.compile(schema);
        return (query: object) => validate(readAs(schema, query));
      });
      return [{ shape, documented: own }];
    });
    expect(queries.length).toBeGreaterThan(10);
  });

  it('know the same bodies', () => {
    const documented = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).flatMap(({ requestBody }) => {
        const schema = requestBody?.content['application/json']?.schema as { $ref?: string };
        return schema?.$ref ? [schema.$ref.split('/').at(-1)!] : [];
      }),
    );
    const names = bodies.map(({ shape }) => shape.name);
    expect([...new Set(documented)].sort()).toEqual([...new Set(names)].sort());
  });

  it('say the same of every body: what one allows, the other does', () => {
    const seen = { allowed: 0, forbidden: 0 };
    for (const { shape, validate } of bodies) {
      const any = fc.oneof(goodBodies(shape), oddBodies(shape));
      checkProperty(
        fc.property(
          any.filter((body) => canBeSaid(body)),
          (body) => {
            const isAllowed = fieldErrors(shape, body).length === 0;
            expect([shape.name, validate(body)]).toEqual([shape.name, isAllowed]);
            seen[isAllowed ? 'allowed' : 'forbidden']++;
          },
        ),
        RUNS,
      );
    }
    expect(seen.allowed).toBeGreaterThan(500);
    expect(seen.forbidden).toBeGreaterThan(500);
  });

  it('say the same of every query', () => {
    const seen = { allowed: 0, forbidden: 0 };
    for (const { shape, documented } of queries) {
      const some = fc.oneof(goodBodies(shape), oddBodies(shape));
      const any = some.map(asQuery).filter((query) => canBeSaid(query));
      const samples = fc.sample(any, { numRuns: rounds(RUNS, 10 * RUNS), seed: runSeed() });
      const isAllowed = (query: object) => fieldErrors(shape, query).length === 0;
      // Several lists may have filters of the same names; one of them is this one's.
      const differing = documented.map((validate) =>
        samples.find((query) => validate(query) !== isAllowed(query)),
      );
      expect([shape.name, ...differing]).toContain(undefined);
      for (const query of samples) seen[isAllowed(query) ? 'allowed' : 'forbidden']++;
    }
    expect(seen.allowed).toBeGreaterThan(500);
    expect(seen.forbidden).toBeGreaterThan(100);
  });

  it('count characters the same way, as people do', async () => {
    const account = { type: 'asset', currency: 'USD' };
    const lengths = bodies.flatMap(({ shape }) =>
      declaredFields(shape).map(({ name }) => `${shape.name}.${name}`),
    );
    expect(lengths).toContain('OpenAccountDto.name');
    for (const [count, status] of [
      [500, 201],
      [501, 400],
    ] as const) {
      const name = EMOJI.repeat(count);
      expect((await service.api.post('/v1/accounts', { ...account, name })).status).toBe(status);
      const metadata = { note: name };
      const body = { ...account, name: 'x', metadata };
      expect((await service.api.post('/v1/accounts', body)).status).toBe(status);
    }
  });
});
