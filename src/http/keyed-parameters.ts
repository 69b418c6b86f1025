import type { OpenAPIObject } from '@nestjs/swagger';
import { ANY_KEY } from './shape-compiler';

/** The parts of a parameter that change here; the document's own type allows references too. */
interface Parameter {
  name: string;
  style?: string;
  explode?: boolean;
  schema?: object;
}

/** Documents fields that stand for `name[key]` as what OpenAPI calls them: deep objects. */
export function documentKeyedParameters(document: OpenAPIObject): void {
  for (const methods of Object.values(document.paths)) {
    for (const { parameters = [] } of Object.values(methods as Record<string, Operation>)) {
      for (const parameter of parameters) {
        if (!parameter.name.endsWith(ANY_KEY)) continue;
        parameter.name = parameter.name.slice(0, -ANY_KEY.length);
        parameter.style = 'deepObject';
        parameter.explode = true;
        parameter.schema = { type: 'object', additionalProperties: parameter.schema ?? {} };
      }
    }
  }
}

interface Operation {
  readonly parameters?: Parameter[];
}
