import type { FastifyInstance } from 'fastify';

interface Path {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Which methods the paths of a server have, for answers to others. */
export class AllowedMethods {
  private readonly paths = new Map<string, Path>();

  /** Has every route that is added from now on be known. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ url, method }) => {
      const path = this.paths.get(url) ?? { pattern: patternOf(url), methods: new Set() };
      this.paths.set(url, path);
      for (const name of [method].flat()) path.methods.add(name);
    });
  }

  /** The methods of a path, in order; none: there is no such path. */
  of(path: string): readonly string[] {
    const found = new Set<string>();
    for (const { pattern, methods } of this.paths.values()) {
      if (!pattern.test(path)) continue;
      for (const method of methods) found.add(method);
    }
    return [...found].sort();
  }
}

/** `/v1/accounts/:id/close` and `/docs/*` as patterns. */
function patternOf(url: string): RegExp {
  const source = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:\w+/g, '[^/]+')
    .replaceAll('*', '.*');
  return new RegExp(`^${source}$`);
}
