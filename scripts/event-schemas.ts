import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createGenerator } from 'ts-json-schema-generator';
import type { EventType } from '../src/engine/define/event';

/** Where the schemas are, below the project. */
export const SCHEMA_FOLDER = 'src/schemas/events';
/** The list of them that the program imports. */
export const SCHEMA_LIST = 'src/schemas/event-schemas.ts';

const FILE = /^([A-Z][A-Za-z]*)\.v([1-9]\d*)\.json$/;

/** A version of an event type for which there is a schema. */
export type SchemaVersion = Pick<EventType, 'type' | 'version'>;

/** `AccountOpened.v1`: the name of a schema. */
export function schemaName({ type, version }: SchemaVersion): string {
  return `${type}.v${version}`;
}

/**
 * The JSON Schemas (draft 7) of the current versions of event types, by name. The data of the type
 * `AccountOpened` is the interface `AccountOpenedData` of an events file. Versions before the
 * current one have no interface any more: their schemas are those that were written once.
 * @param project folder of the project
 * @throws Error where a type has no such interface
 */
export function generateSchemas(
  project: string,
  types: readonly SchemaVersion[],
): Map<string, object> {
  const generator = createGenerator({
    path: join(project, 'src/**/*.events.ts'),
    tsconfig: join(project, 'tsconfig.json'),
    // The types are checked by `npm run check`.
    skipTypeCheck: true,
    topRef: false,
    additionalProperties: false,
    jsDoc: 'extended',
  });
  return new Map(
    types.map(({ type, version }) => {
      const { $schema, ...schema } = generator.createSchema(`${type}Data`);
      const $id = `urn:truebook:event:${type}:v${version}`;
      const title = `${type}, version ${version}`;
      return [schemaName({ type, version }), { $schema, $id, title, ...schema }];
    }),
  );
}

/** The versions whose schemas are written, by type and version. */
export function writtenSchemas(project: string): SchemaVersion[] {
  return readdirSync(join(project, SCHEMA_FOLDER))
    .map((file) => {
      const [, type, version] = FILE.exec(file) ?? [];
      if (type === undefined) throw new Error(`${SCHEMA_FOLDER}/${file} is not named as a schema`);
      return { type, version: Number(version) };
    })
    .sort((a, b) => (a.type === b.type ? a.version - b.version : a.type < b.type ? -1 : 1));
}

/** The source text of the list, by which the build takes the schemas along. */
export function schemaListText(versions: readonly SchemaVersion[]): string {
  const byType = Map.groupBy(versions, ({ type }) => type);
  const lines = [...byType].map(([type, of]) => {
    const items = of.map((v) => `${v.version}: ${variableOf(v)}`);
    return `  ${type}: { ${items.join(', ')} },`;
  });
  return [
    '// Written by `npm run schemas`.',
    ...versions.map((v) => `import ${variableOf(v)} from './events/${schemaName(v)}.json';`),
    '',
    '/** The JSON Schema of every version of every event type, by type and version. */',
    'export const eventSchemas: Readonly<Record<string, Readonly<Record<number, object>>>> = {',
    ...lines,
    '};',
    '',
  ].join('\n');
}

function variableOf({ type, version }: SchemaVersion): string {
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}V${version}`;
}
