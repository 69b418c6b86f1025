import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';

/**
 * Says of every body whether it may be left out: no body is an empty one, so it may where no field
 * is required. The generator calls them all required.
 */
export function markOptionalBodies({ paths, components }: OpenAPIObject): void {
  for (const { post, put, patch } of Object.values(paths)) {
    for (const operation of [post, put, patch]) {
      const body = operation?.requestBody;
      if (!body || '$ref' in body) continue;
      const schema = body.content['application/json']?.schema;
      if (!schema || !('$ref' in schema)) continue;
      const shape = components?.schemas?.[schema.$ref.replace(getSchemaPath(''), '')];
      body.required = shape !== undefined && 'required' in shape && shape.required.length > 0;
    }
  }
}

/** Says of every body that it may have no other fields, as the check of its class does. */
export function closeBodies({ paths, components }: OpenAPIObject): void {
  const bodies = Object.values(paths).flatMap(({ post, put, patch }) => [post, put, patch]);
  const closed = new Set<string>();
  const close = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    const reference = '$ref' in part ? String(part.$ref) : undefined;
    if (reference === undefined) return Object.values(part).forEach(close);
    const name = reference.replace(getSchemaPath(''), '');
    const schema = components?.schemas?.[name];
    if (!schema || '$ref' in schema || closed.has(name)) return;
    closed.add(name);
    schema.additionalProperties = false;
    close(schema.properties);
  };
  for (const operation of bodies) close(operation?.requestBody);
}
