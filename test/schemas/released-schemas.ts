import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

interface Schema {
  readonly [keyword: string]: unknown;
}

/** What explains a schema and decides nothing: mending a sentence changes no released version. */
const WORDS: ReadonlySet<string> = new Set(['title', 'description']);

/**
 * What a schema says about data, whatever the names of its definitions and the words beside them:
 * definitions stand where they are referred to. No event contains itself.
 */
export function meaningOf(schema: object): unknown {
  const { definitions = {}, ...root } = schema as Schema;
  return withoutWords(root, definitions as Record<string, Schema>);
}

/** SHA-256 of what a schema says about data, in hex. */
export function meaningDigest(schema: object): string {
  return createHash('sha256')
    .update(canonicalize(meaningOf(schema))!)
    .digest('hex');
}

function withoutWords(schema: Schema, definitions: Record<string, Schema>): unknown {
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const definition = definitions[reference.replace('#/definitions/', '')];
    if (!definition) throw new Error(`${reference} leads nowhere`);
    return withoutWords(definition, definitions);
  }
  const inner = (value: unknown) => withoutWords(value as Schema, definitions);
  const kept = Object.entries(schema).filter(([keyword]) => !WORDS.has(keyword));
  return Object.fromEntries(
    kept.map(([keyword, value]) => {
      if (keyword === 'properties') return [keyword, mapValues(value as Schema, inner)];
      if (keyword === 'anyOf') return [keyword, (value as unknown[]).map(inner)];
      const isSchema = typeof value === 'object' && value !== null && !Array.isArray(value);
      return [keyword, isSchema ? inner(value) : value];
    }),
  );
}

function mapValues(of: Schema, change: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, change(value)]));
}
