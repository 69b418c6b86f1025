/** What the API answered. */
export interface ApiAnswer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface RequestOptions {
  readonly idempotencyKey?: string | undefined;
  readonly dryRun?: boolean;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** Talks to a running service as a client with a key does. */
export class ApiClient {
  constructor(
    readonly url: string,
    private readonly key: string,
  ) {}

  /** The header that says whose key this is. */
  get authorization(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.key}` };
  }

  get<Body = Record<string, unknown>>(
    path: string,
    options: RequestOptions = {},
  ): Promise<ApiAnswer<Body>> {
    return this.send('GET', path, undefined, options);
  }

  post<Body = Record<string, unknown>>(
    path: string,
    body: object = {},
    options: RequestOptions = {},
  ): Promise<ApiAnswer<Body>> {
    return this.send('POST', path, JSON.stringify(body), options);
  }

  put<Body = Record<string, unknown>>(
    path: string,
    body: object = {},
    options: RequestOptions = {},
  ): Promise<ApiAnswer<Body>> {
    return this.send('PUT', path, JSON.stringify(body), options);
  }

  patch<Body = Record<string, unknown>>(
    path: string,
    body: object = {},
    options: RequestOptions = {},
  ): Promise<ApiAnswer<Body>> {
    return this.send('PATCH', path, JSON.stringify(body), options);
  }

  /** @throws TypeError where there was no answer */
  private async send<Body>(
    method: string,
    path: string,
    body: string | undefined,
    { idempotencyKey, dryRun, headers, signal }: RequestOptions,
  ): Promise<ApiAnswer<Body>> {
    const response = await fetch(`${this.url}${path}${dryRun ? '?dryRun=true' : ''}`, {
      method,
      headers: {
        ...this.authorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        ...headers,
      },
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    });
    // What has no end is of interest for how it began.
    const isEndless = response.headers.get('content-type')?.startsWith('text/event-stream');
    const text = isEndless ? '' : await response.text();
    if (isEndless) await response.body?.cancel();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : { text }) as Body,
    };
  }
}
