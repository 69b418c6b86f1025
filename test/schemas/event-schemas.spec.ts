import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  generateSchemas,
  SCHEMA_FOLDER,
  SCHEMA_LIST,
  schemaListText,
  schemaName,
  writtenSchemas,
} from '../../scripts/event-schemas';
import type { EventType } from '../../src/engine/define/event';
import { features } from '../../src/features';
import { validateEventData } from '../../src/schemas/event-data';
import { eventSchemas } from '../../src/schemas/event-schemas';
import { query } from '../harness/cluster';
import { startTestLedger } from '../harness/ledger';
import { seededRandom } from '../harness/seed';
import { mixedBooks } from '../proof/replay/mixed-books';
import { PROJECT, sourceFiles } from '../source-files';
import { everyOtherEvent } from './every-event';
import { meaningDigest, meaningOf } from './released-schemas';

const FROZEN = join(PROJECT, 'test', 'frozen-event-schemas.json');
const types: EventType[] = features.flatMap((f) => f.materializers.map((m) => m.event));
const written = writtenSchemas(PROJECT);

function readSchema(name: string): object {
  return JSON.parse(readFileSync(join(PROJECT, SCHEMA_FOLDER, `${name}.json`), 'utf8')) as object;
}

describe('the schemas of events', () => {
  it('are there for every version of every type', () => {
    const wanted = types.flatMap(({ type, version }) =>
      Array.from({ length: version }, (_, i) => schemaName({ type, version: i + 1 })),
    );
    expect(wanted.length).toBeGreaterThan(13);
    expect(written.map(schemaName).sort()).toEqual(wanted.sort());
  });

  it('are those of the code: else run "npm run schemas"', () => {
    const generated = generateSchemas(PROJECT, types);
    expect(generated.size).toBe(types.length);
    for (const [name, schema] of generated) expect(readSchema(name)).toEqual(schema);
  });

  it('are of the data that events are declared with', () => {
    const text = sourceFiles()
      .filter((file) => file.path.startsWith('src/') && file.path.endsWith('.events.ts'))
      .map((file) => file.text)
      .join('');
    for (const { type } of types) {
      expect(text).toMatch(new RegExp(`defineEvent<${type}Data>\\(\\s*'${type}'`));
    }
  });

  it('are all taken along by the program', () => {
    const list = readFileSync(join(PROJECT, SCHEMA_LIST), 'utf8');
    expect(list).toBe(schemaListText(written));
    for (const { type, version } of written) {
      expect(eventSchemas[type]![version]).toEqual(readSchema(schemaName({ type, version })));
    }
  });

  it('never change once they are released: a change of an event is a new version', () => {
    const frozen = JSON.parse(readFileSync(FROZEN, 'utf8')) as Record<string, string>;
    const found = Object.fromEntries(
      written.map(schemaName).map((name) => [name, meaningDigest(readSchema(name))]),
    );
    // A new version is added to the list by FREEZE_EVENT_SCHEMAS=1; a changed one never is.
    const isFreezing = process.env['FREEZE_EVENT_SCHEMAS'] === '1';
    const expected = isFreezing ? { ...found, ...frozen } : frozen;
    if (isFreezing) writeFileSync(FROZEN, `${JSON.stringify(expected, null, 2)}\n`);
    expect(found).toEqual(expected);
  });

  it('leave nothing open: no unknown field, and no text that might be a number', () => {
    for (const { type, version } of written) {
      const objects = [...schemasIn(meaningOf(eventSchemas[type]![version]!))].filter(
        (schema) => schema['type'] === 'object',
      );
      expect(objects.length).toBeGreaterThan(0);
      for (const { properties = {}, required, additionalProperties } of objects) {
        const names = Object.keys(properties as object);
        if (names.length === 0) expect(additionalProperties).toEqual({ type: 'string' });
        else
          expect({ required, additionalProperties }).toMatchObject({
            required: expect.any(Array) as unknown,
            additionalProperties: false,
          });
        for (const name of names.filter((n) => /Id$|[aA]mount|[bB]alance|fee$/.test(n))) {
          const field = JSON.stringify((properties as Record<string, object>)[name]);
          expect(field).toContain('"pattern"');
        }
      }
    }
  });
});

describe('what stays the same in a schema', () => {
  const schema = {
    type: 'object',
    description: 'before',
    properties: { title: { $ref: '#/definitions/Title', description: 'before' } },
    definitions: { Title: { type: 'string', pattern: 'a' } },
  };

  it('is what it says, not how it says it', () => {
    const reworded = {
      ...schema,
      title: 'new',
      description: 'after',
      properties: { title: { $ref: '#/definitions/Name' } },
      definitions: { Name: { type: 'string', pattern: 'a', description: 'after' } },
    };
    expect(meaningDigest(reworded)).toBe(meaningDigest(schema));
  });

  it('is not what data may be', () => {
    const changes = [
      { properties: {} },
      { required: ['title'] },
      { additionalProperties: false },
      { definitions: { Title: { type: 'string', pattern: 'b' } } },
      { properties: { ...schema.properties, description: { type: 'string' } } },
    ];
    for (const change of changes) {
      expect(meaningDigest({ ...schema, ...change })).not.toBe(meaningDigest(schema));
    }
  });
});

describe('the events of real books', () => {
  it('fit their schemas, every one, and there are events of every type', async () => {
    const ledger = await startTestLedger();
    await mixedBooks(ledger, seededRandom(), 1_000);
    await everyOtherEvent(ledger);
    await ledger.close();
    const events = await query<{ position: number; type: string; version: number; data: object }>(
      ledger.databases.urls.log,
      'select position, type, version, data from event_log order by position',
    );
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(types.map((t) => t.type)));
    for (const { position, type, version, data } of events) {
      const problems = validateEventData(type, version, data);
      expect({ position, type, problems }).toEqual({ position, type, problems: [] });
      const unknown = validateEventData(type, version, { ...data, unknown: true });
      expect(unknown).toEqual([{ pointer: '/unknown', message: 'is not known' }]);
    }
  });
});

/** A schema and every one inside it, without definitions. */
function* schemasIn(schema: unknown): Generator<Record<string, unknown>> {
  if (typeof schema !== 'object' || schema === null) return;
  const keywords = schema as Record<string, unknown>;
  yield keywords;
  for (const [keyword, value] of Object.entries(keywords)) {
    const isNamed = keyword === 'properties' || Array.isArray(value);
    if (isNamed) for (const inner of Object.values(value as object)) yield* schemasIn(inner);
    else yield* schemasIn(value);
  }
}
