import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';

/**
 * Says of every body whether it may be left out: no body is an empty one, so it may where no field
 * is required. The generator calls them all required.
 */
export function markOptionalBodies({ paths, components }: OpenAPIObject): void {
  for (const { post, put } of Object.values(paths)) {
    for (const operation of [post, put]) {
      const body = operation?.requestBody;
      if (!body || '$ref' in body) continue;
      const schema = body.content['application/json']?.schema;
      if (!schema || !('$ref' in schema)) continue;
      const shape = components?.schemas?.[schema.$ref.replace(getSchemaPath(''), '')];
      body.required = shape !== undefined && 'required' in shape && shape.required.length > 0;
    }
  }
}
