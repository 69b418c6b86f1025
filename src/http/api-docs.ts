import { applyDecorators, HttpCode, type INestApplication, type Type } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiHeader,
  ApiProperty,
  ApiPropertyOptional,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  DocumentBuilder,
  getSchemaPath,
  SwaggerModule,
  type ApiResponseCommonMetadata,
  type OpenAPIObject,
} from '@nestjs/swagger';
import { withNullableReferences } from './nullable-references';
import { markOptionalBodies } from './optional-bodies';
import { PROBLEM_KINDS, type ProblemCode } from './problem-codes';

class FieldErrorDto {
  @ApiProperty({ description: 'JSON pointer into the body, or /name of a parameter' })
  pointer!: string;

  @ApiProperty()
  message!: string;
}

/** Every error's body, for the OpenAPI document. */
export class ProblemDto {
  @ApiProperty({ example: '/problems/insufficient_funds' })
  type!: string;

  @ApiProperty()
  title!: string;

  @ApiProperty({ type: 'integer' })
  status!: number;

  @ApiProperty()
  detail!: string;

  @ApiProperty({ description: 'The path of the request' })
  instance!: string;

  @ApiProperty({ enum: Object.keys(PROBLEM_KINDS) })
  code!: ProblemCode;

  @ApiPropertyOptional({ description: 'The account that a rule of the books refused' })
  accountId?: string;

  @ApiPropertyOptional({ type: 'integer', description: 'Which item of a batch was refused' })
  index?: number;

  @ApiPropertyOptional({ format: 'uuid', description: 'The replay that was refused' })
  runId?: string;

  @ApiPropertyOptional({ type: [FieldErrorDto], description: 'What is not valid' })
  errors?: FieldErrorDto[];
}

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

const UNAVAILABLE_HEADERS = {
  'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer' } },
} satisfies HeadersObject;

interface Answer {
  readonly status: number;
  readonly type: Type;
  /** Codes that this endpoint may refuse with, besides those that every one may. */
  readonly problems?: readonly ProblemCode[];
}

/** Describes a POST or PUT that runs a command, and sets the status of its success. */
export function ApiCommand({ status, type, problems = [] }: Answer): MethodDecorator {
  return applyDecorators(
    HttpCode(status),
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
    ...problemResponses([
      'validation_failed',
      'unauthorized',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
      'ledger_unavailable',
      ...problems,
    ]),
    ApiSecurity('bearer'),
  );
}

/** Describes a GET that reads the state. */
export function ApiRead({ type, problems = [] }: Omit<Answer, 'status'>): MethodDecorator {
  return applyDecorators(
    ApiResponse({ status: 200, type, headers: POSITION_HEADER, description: 'Found' }),
    ...problemResponses(['validation_failed', 'unauthorized', 'ledger_unavailable', ...problems]),
    ApiSecurity('bearer'),
  );
}

/** One response for each status, naming the codes that come with it. */
function problemResponses(codes: readonly ProblemCode[]): MethodDecorator[] {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = PROBLEM_KINDS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const schema = { $ref: getSchemaPath(ProblemDto) };
  return [...byStatus].map(([status, ofStatus]) =>
    ApiResponse({
      status,
      description: ofStatus.join(', '),
      ...(ofStatus.includes('ledger_unavailable') && { headers: UNAVAILABLE_HEADERS }),
      content: { 'application/problem+json': { schema } },
    }),
  );
}

/** A page of a list of `Item`, as a class of its own so that the document can name it. */
export function pageDto(Item: Type): Type {
  @ApiExtraModels(Item)
  class PageDto {
    @ApiProperty({ type: [Item] })
    data!: unknown[];

    @ApiProperty({ type: String, nullable: true, description: 'null: this is the last page' })
    nextCursor!: string | null;
  }
  Object.defineProperty(PageDto, 'name', { value: `${Item.name.replace(/Dto$/, '')}Page` });
  return PageDto;
}

/** The OpenAPI document, made from the code. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
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
  const extraModels = [ProblemDto, FieldErrorDto];
  const document = SwaggerModule.createDocument(app, config, { extraModels });
  markOptionalBodies(document);
  return withNullableReferences(document);
}

/** Serves the document at /docs/json and Swagger UI at /docs. */
export function serveDocs(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'docs/json',
    raw: ['json'],
    customSiteTitle: 'Truebook API',
  });
}
