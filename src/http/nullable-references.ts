import type { OpenAPIObject } from '@nestjs/swagger';

/** Null and nothing else, as OpenAPI 3.0 can say it: `nullable` counts beside a `type` alone. */
const NULL = { type: 'object', nullable: true, enum: [null] };

interface NullableReference {
  readonly type: 'object';
  readonly nullable: true;
  readonly allOf: readonly object[];
}

/**
 * The document with every nullable reference made one. The generator writes `nullable` beside an
 * `allOf` of the reference, and there OpenAPI 3.0 lets the schema that is referred to forbid null.
 */
export function withNullableReferences(document: OpenAPIObject): OpenAPIObject {
  const mend = (_name: string, value: unknown) =>
    isNullableReference(value) ? either(value) : value;
  return JSON.parse(JSON.stringify(document), mend) as OpenAPIObject;
}

function isNullableReference(value: unknown): value is NullableReference {
  if (typeof value !== 'object' || value === null) return false;
  return 'nullable' in value && value.nullable === true && 'allOf' in value;
}

function either({ type: _type, nullable: _nullable, allOf, ...rest }: NullableReference): object {
  return { ...rest, anyOf: [...allOf, NULL] };
}
