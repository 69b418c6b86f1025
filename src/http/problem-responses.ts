import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension, getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { FieldErrorDto, ProblemDto } from './problem.dto';
import type { CoreProblemCode } from './problem-codes';
import type { Problems } from './problems';

/** What the document has to have besides what routes name. */
export const PROBLEM_MODELS = [ProblemDto, FieldErrorDto] as const;

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer' } },
};

/** What comes with some statuses. */
const HEADERS: Readonly<Record<string, object>> = {
  405: { Allow: { description: 'The methods of the path', schema: { type: 'string' } } },
  429: {
    ...RETRY_AFTER,
    RateLimit: { description: 'What is left, and for how long', schema: { type: 'string' } },
    'RateLimit-Policy': { description: 'How many a second', schema: { type: 'string' } },
  },
  503: RETRY_AFTER,
};

/** What any request may be answered, whatever it asks for. */
const OF_ANY_REQUEST: readonly CoreProblemCode[] = [
  'request_timeout',
  'too_many_requests',
  'headers_too_large',
];

const PROBLEMS = 'truebook:problems';
/** Where an operation keeps its codes until the document is complete. */
const EXTENSION = 'x-problems';

/**
 * Says what a route may refuse with. What the codes mean is known only when all features are, so
 * the document gets its responses when it is made.
 */
export function ApiProblems(codes: readonly string[]): MethodDecorator {
  return applyDecorators(SetMetadata(PROBLEMS, codes), ApiExtension(EXTENSION, codes));
}

/** The codes that the route of a handler may refuse with. */
export function documentedProblems(handler: object): readonly string[] {
  return (Reflect.getMetadata(PROBLEMS, handler) as readonly string[] | undefined) ?? [];
}

interface Operation {
  [EXTENSION]?: readonly string[];
  responses: Record<string, object>;
}

/** Gives every operation its responses of problems, and the schema of a problem its codes. */
export function documentProblems(document: OpenAPIObject, problems: Problems): void {
  for (const operations of Object.values(document.paths)) {
    for (const operation of Object.values(operations) as Operation[]) {
      const { [EXTENSION]: codes = [] } = operation;
      delete operation[EXTENSION];
      const all = [...codes, ...OF_ANY_REQUEST];
      Object.assign(operation.responses, problemResponses(all, problems));
    }
  }
  // Of no operation, for it is the answer where there is none.
  const { 405: MethodNotAllowed } = problemResponses(['method_not_allowed'], problems);
  document.components = { ...document.components, responses: { MethodNotAllowed } as never };
  const schema = document.components?.schemas?.[ProblemDto.name];
  if (schema && 'properties' in schema) {
    schema.properties = {
      ...schema.properties,
      code: { ...schema.properties?.['code'], enum: [...problems.codes] },
    };
  }
}

/** One response for each status, naming the codes that come with it. */
function problemResponses(codes: readonly string[], problems: Problems): Record<string, object> {
  const schema = { $ref: getSchemaPath(ProblemDto) };
  const byStatus = Object.groupBy(codes, (code) => String(problems.statusOf(code)));
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, ofStatus = []]) => [
      status,
      {
        description: ofStatus.join(', '),
        ...(HEADERS[status] && { headers: HEADERS[status] }),
        content: { 'application/problem+json': { schema } },
      },
    ]),
  );
}
