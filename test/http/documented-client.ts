import { Ajv, type ErrorObject } from 'ajv';
import addFormats from 'ajv-formats';
import { ApiClient, type ApiAnswer, type RequestOptions } from '../harness/api-client';
import type { TestService } from '../harness/service';

interface Media {
  readonly [mediaType: string]: { readonly schema: object };
}
interface Response {
  readonly description: string;
  readonly headers?: object;
  readonly content?: Media;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: {
    readonly example?: string;
    readonly enum?: readonly string[];
    readonly minimum?: number;
  };
}
/** An endpoint of the OpenAPI document. */
export interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Media };
  readonly responses: Record<string, Response>;
  readonly security?: object[];
}
interface Schema {
  readonly properties?: object;
  readonly additionalProperties?: unknown;
}
/** As much of the OpenAPI document as its specs read. */
export interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly schemas: Record<string, Schema>;
    readonly securitySchemes: Record<string, object>;
  };
}
export interface Endpoint {
  readonly method: string;
  /** As the document has it, with the names of parameters in braces. */
  readonly path: string;
  readonly operation: Operation;
}

/**
 * A service's client that fails wherever an answer is other than the service's own OpenAPI
 * document says: its status, its media type, its code, and every part of its body, none of which
 * may be missing there. So must be the body of a request that was accepted.
 */
export class DocumentedClient extends ApiClient {
  /** `get /v1/accounts 200`, of everything that was answered. */
  readonly seen = new Set<string>();
  private readonly ajv: Ajv;

  private constructor(
    url: string,
    key: string,
    readonly document: OpenApi,
  ) {
    super(url, key);
    this.ajv = addFormats(new Ajv({ strict: true, allErrors: true }));
    // What OpenAPI says besides schemas, and has no bearing on what is valid.
    this.ajv.addVocabulary([...Object.keys(document), 'example']);
    this.ajv.addSchema(closed(document), 'document');
  }

  static async of({ url, key, api }: TestService): Promise<DocumentedClient> {
    return new DocumentedClient(url, key, (await api.get<OpenApi>('/docs/json')).body);
  }

  get endpoints(): Endpoint[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
  }

  override async get<Body>(path: string, options?: RequestOptions): Promise<ApiAnswer<Body>> {
    return this.checked('get', path, undefined, await super.get<Body>(path, options));
  }

  override async post<Body>(
    path: string,
    body?: object,
    options?: RequestOptions,
  ): Promise<ApiAnswer<Body>> {
    return this.checked('post', path, body, await super.post<Body>(path, body, options));
  }

  override async put<Body>(
    path: string,
    body?: object,
    options?: RequestOptions,
  ): Promise<ApiAnswer<Body>> {
    return this.checked('put', path, body, await super.put<Body>(path, body, options));
  }

  override async patch<Body>(
    path: string,
    body?: object,
    options?: RequestOptions,
  ): Promise<ApiAnswer<Body>> {
    return this.checked('patch', path, body, await super.patch<Body>(path, body, options));
  }

  private checked<Body>(
    method: string,
    path: string,
    sent: object | undefined,
    answer: ApiAnswer<Body>,
  ): ApiAnswer<Body> {
    const endpoint = this.endpointOf(method, path.replace(/\?.*/, ''));
    const { status, body } = answer;
    const name = `${method} ${endpoint.path} ${status}`;
    const response = endpoint.operation.responses[status];
    if (!response) throw new Error(`${name} is not documented: ${JSON.stringify(body)}`);
    const mediaType = answer.headers.get('content-type')!.replace(/;.*/, '');
    const place = ['paths', endpoint.path, method];
    const content = ['content', mediaType, 'schema'];
    // What is no JSON is a text to the client.
    const said = mediaType.startsWith('text/') ? (body as { text: string }).text : body;
    this.check(name, [...place, 'responses', String(status), ...content], said);
    const { code } = body as { code?: string };
    if (status >= 400 && code !== undefined && !response.description.split(', ').includes(code)) {
      throw new Error(`${name} does not document ${code}`);
    }
    if (status < 300 && sent) {
      const schema = ['requestBody', 'content', 'application/json', 'schema'];
      this.check(`The body of ${name}`, [...place, ...schema], sent);
    }
    this.seen.add(name);
    return answer;
  }

  /** Whether an endpoint of this method has this path. */
  answers(method: string, path: string): boolean {
    return this.endpoints.some(
      (one) => one.method === method.toLowerCase() && patternOf(one.path).test(path),
    );
  }

  /** The endpoint that a path leads to: of several the one with the fewest parameters. */
  private endpointOf(method: string, path: string): Endpoint {
    const candidates = this.endpoints.filter(
      (endpoint) => endpoint.method === method && patternOf(endpoint.path).test(path),
    );
    const [endpoint] = candidates.sort((a, b) => parametersOf(a.path) - parametersOf(b.path));
    if (!endpoint) throw new Error(`${method} ${path} is not documented`);
    return endpoint;
  }

  private check(name: string, place: readonly string[], value: unknown): void {
    const pointer = place.map((part) =>
      encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')),
    );
    const validate = this.ajv.getSchema(`document#/${pointer.join('/')}`);
    if (!validate) throw new Error(`${name} has no schema in the document`);
    if (validate(value)) return;
    const said = (validate.errors ?? []).map((error) => sentenceOf(error)).join('; ');
    throw new Error(`${name} is not what the document says: ${said} in ${JSON.stringify(value)}`);
  }
}

function sentenceOf({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath} ${message} ${JSON.stringify(params)}`;
}

/** No schema allows more than it names: an answer must not have what nobody documented. */
function closed(document: OpenApi): OpenApi {
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => {
    return [name, schema.properties ? { additionalProperties: false, ...schema } : schema];
  });
  const components = { ...document.components, schemas: Object.fromEntries(schemas) as never };
  return { ...document, components };
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

function parametersOf(path: string): number {
  return path.split('{').length;
}
