import { hash } from 'node:crypto';
import { applyDecorators, HttpCode, type INestApplication, type Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  ApiExtraModels,
  ApiHeader,
  ApiProperty,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  DocumentBuilder,
  getSchemaPath,
  SwaggerModule,
  type ApiResponseCommonMetadata,
  type OpenAPIObject,
} from '@nestjs/swagger';
import { MEDIA_TYPES, type AnswerFormat } from './formats';
import { documentKeyedParameters } from './keyed-parameters';
import { withNullableReferences } from './nullable-references';
import { closeBodies, markOptionalBodies } from './document-bodies';
import { ApiProblems, documentProblems, PROBLEM_MODELS } from './problem-responses';
import type { Problems } from './problems';
import { HasVersion } from './versions';

type HeadersObject = NonNullable<ApiResponseCommonMetadata['headers']>;

const POSITION_HEADER = {
  'Ledger-Position': {
    description: 'Position of the last event of a write, or of the state that was read',
    schema: { type: 'integer' },
  },
} satisfies HeadersObject;

const COMMAND_HEADERS = {
  ...POSITION_HEADER,
  'Idempotency-Hit': {
    description: 'true: the first answer again, to a repeated Idempotency-Key',
    schema: { type: 'string', enum: ['true'] },
  },
  'Dry-Run': {
    description: 'true: nothing was kept',
    schema: { type: 'string', enum: ['true'] },
  },
} satisfies HeadersObject;

interface Answer {
  readonly status: number;
  readonly type: Type;
  /** Codes that this endpoint may refuse with, besides those that every one may. */
  readonly problems?: readonly string[];
  /** Whether what it is about has a version, for `ETag` and `If-Match`. */
  readonly hasVersion?: boolean;
}

const VERSION_HEADER = {
  ETag: { description: 'Its version in quotes, for If-Match', schema: { type: 'string' } },
} satisfies HeadersObject;

/** Describes a POST, PUT or PATCH that runs a command, and sets the status of its success. */
export function ApiCommand(answer: Answer): MethodDecorator {
  const { status, type, problems = [], hasVersion = false } = answer;
  return applyDecorators(
    HttpCode(status),
    ...(hasVersion ? [HasVersion()] : []),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'The same key with the same request gets the first answer again, for ever',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
    ApiQuery({
      name: 'dryRun',
      required: false,
      description: 'The full answer, and nothing is kept',
      schema: { type: 'boolean', default: false },
    }),
    ApiResponse({ status, type, headers: COMMAND_HEADERS, description: 'Done' }),
    ApiProblems([
      'validation_failed',
      'unauthorized',
      'forbidden',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
      'ledger_unavailable',
      ...(hasVersion ? ['version_mismatch'] : []),
      ...problems,
    ]),
    ApiSecurity('bearer'),
  );
}

const SCHEMAS = { csv: { type: 'string' }, pdf: { type: 'string', format: 'binary' } } as const;
const READ_PROBLEMS = ['validation_failed', 'unauthorized', 'forbidden', 'ledger_unavailable'];

/** Describes a GET that reads the state. */
export function ApiRead(
  answer: Omit<Answer, 'status'> & {
    /** What the answer can be besides JSON. */
    readonly formats?: readonly Exclude<AnswerFormat, 'json'>[];
  },
): MethodDecorator {
  const { type, problems = [], hasVersion = false, formats = [] } = answer;
  const headers = { ...POSITION_HEADER, ...(hasVersion && VERSION_HEADER) };
  const others = formats.map((name) => [MEDIA_TYPES[name], { schema: SCHEMAS[name] }] as const);
  const content = {
    [MEDIA_TYPES.json]: { schema: { $ref: getSchemaPath(type) } },
    ...Object.fromEntries(others),
  };
  const found = { status: 200, headers, description: 'Found' };
  return applyDecorators(
    ...(formats.length > 0
      ? [ApiExtraModels(type), ApiResponse({ ...found, content })]
      : [ApiResponse({ ...found, type })]),
    ApiProblems([...READ_PROBLEMS, ...problems]),
    ApiSecurity('bearer'),
  );
}

/** Describes a GET that reads the state and answers with text of one of some types. */
export function ApiTextRead(types: readonly string[]): MethodDecorator {
  const texts = types.map((type) => [type, { schema: { type: 'string' } }] as const);
  return applyDecorators(
    ApiResponse({
      ...{ status: 200, headers: POSITION_HEADER, description: 'Found' },
      content: Object.fromEntries(texts),
    }),
    ApiProblems(READ_PROBLEMS),
    ApiSecurity('bearer'),
  );
}

/** Describes a GET that is answered with events as they come, of a type that each has as JSON. */
export function ApiStream({ type, description }: { type: Type; description: string }) {
  const content = { 'text/event-stream': { schema: { type: 'string' } } };
  const headers = POSITION_HEADER;
  return applyDecorators(
    ApiExtraModels(type),
    ApiHeader({
      name: 'Last-Event-ID',
      required: false,
      description: 'The id of the last event that came; it wins over after',
      schema: { type: 'integer', minimum: 0 },
    }),
    ApiResponse({ status: 200, headers, description, content }),
    ApiProblems([
      'validation_failed',
      'unauthorized',
      'forbidden',
      'ledger_unavailable',
      'not_found',
    ]),
    ApiSecurity('bearer'),
  );
}

/** A page of a list of `Item`, as a class of its own so that the document can name it. */
export function pageDto(Item: Type): Type {
  @ApiExtraModels(Item)
  class PageDto {
    @ApiProperty({
      type: [Item],
      description: 'As many as were asked for; fewer where they are large',
    })
    data!: unknown[];

    @ApiProperty({ type: String, nullable: true, description: 'null: this is the last page' })
    nextCursor!: string | null;
  }
  Object.defineProperty(PageDto, 'name', { value: `${Item.name.replace(/Dto$/, '')}Page` });
  return PageDto;
}

/** The OpenAPI document, made from the code. */
export function openApiDocument(app: INestApplication, problems: Problems): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Truebook')
    .setDescription(
      'A strongly consistent, event-sourced ledger. Amounts are decimal strings. Wherever an id ' +
        'is accepted, client:<clientId> is too.',
    )
    .setVersion('1')
    // Not addBearerAuth, which says of a key that it is a JWT.
    .addSecurity('bearer', { type: 'http', scheme: 'bearer', description: 'An API key' })
    .build();
  const extraModels = [...PROBLEM_MODELS];
  const document = SwaggerModule.createDocument(app, config, { extraModels });
  documentProblems(document, problems);
  documentKeyedParameters(document);
  markOptionalBodies(document);
  closeBodies(document);
  return withNullableReferences(document);
}

const DOCS = 'docs';

/** Whether a path is one of the documentation's, which everybody may read. */
export function isDocs(path: string): boolean {
  return path === `/${DOCS}` || path.startsWith(`/${DOCS}/`);
}

/** Serves the document at /docs/json and Swagger UI at /docs; made once, at the first question. */
export function serveDocs(app: NestFastifyApplication, problems: Problems): void {
  let kept: { readonly document: OpenAPIObject; readonly json: Buffer; readonly etag: string };
  const made = () => {
    if (kept) return kept;
    const document = openApiDocument(app, problems);
    const json = Buffer.from(JSON.stringify(document));
    return (kept = { document, json, etag: `"${hash('sha256', json, 'base64url')}"` });
  };
  app
    .getHttpAdapter()
    .getInstance()
    .get(`/${DOCS}/json`, (request, reply) => {
      const { json, etag } = made();
      reply.headers({ etag, 'cache-control': 'no-cache' });
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      return reply.type('application/json; charset=utf-8').send(json);
    });
  SwaggerModule.setup(DOCS, app, () => made().document, {
    raw: false,
    customSiteTitle: 'Truebook API',
  });
}
