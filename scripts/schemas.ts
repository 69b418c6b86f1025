import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { features } from '../src/features';
import {
  generateSchemas,
  SCHEMA_FOLDER,
  SCHEMA_LIST,
  schemaListText,
  writtenSchemas,
} from './event-schemas';
import { parseCommandLine, runScript } from './run-script';

runScript(() => {
  parseCommandLine({ options: {} });
  // npm runs its scripts in the project's folder.
  const project = process.cwd();
  const folder = join(project, SCHEMA_FOLDER);
  const types = features.flatMap((feature) => feature.materializers.map((m) => m.event));
  const schemas = generateSchemas(project, types);
  mkdirSync(folder, { recursive: true });
  for (const [name, schema] of schemas) {
    writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
  writeFileSync(join(project, SCHEMA_LIST), schemaListText(writtenSchemas(project)));
  process.stdout.write(`Wrote ${schemas.size} schemas to ${SCHEMA_FOLDER}.\n`);
  return Promise.resolve(0);
});
