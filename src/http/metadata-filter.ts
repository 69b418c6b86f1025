import { checkedBy, checkMetadata, field, METADATA } from './fields';
import { isStorable } from './json-body';
import { keyedName, type KeyedValue } from './shape-compiler';

/** What is wrong with a pair that no metadata could have. */
function checkPair(given: unknown): string | undefined {
  const { key, value } = given as KeyedValue;
  if (typeof value !== 'string') return 'must stand once';
  if (!isStorable(value) || !isStorable(key)) return 'must be a text without NUL';
  return checkMetadata({ [key]: value });
}

/** Filters of a list, `metadata[key]=value`: what has all of them. For a field `metadata[]`. */
export function MetadataFilter(): PropertyDecorator {
  const schema = {
    ...{ type: 'string', maxLength: METADATA.valueLength },
    description: 'metadata[key]=value: what has this value under that key; several: all of them',
  };
  return field(checkedBy('metadataFilter', checkPair), schema, { optional: true });
}

/** The pairs of metadata that a query asks for; undefined where it asks for none. */
export function metadataOf(query: object): Readonly<Record<string, string>> | undefined {
  const pairs = Object.entries(query as Readonly<Record<string, string>>).flatMap(
    ([text, value]) => {
      const keyed = keyedName(text);
      return keyed?.name === 'metadata' ? [[keyed.key, value] as const] : [];
    },
  );
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}
