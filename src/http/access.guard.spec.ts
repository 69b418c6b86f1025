import 'reflect-metadata';
import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AccessGuard } from './access.guard';
import { ApiKeys } from './api-keys';
import { buildHttpApp } from './http-app';
import type { HttpLimits } from './http-limits';
import { makeLog } from './log';
import { Metrics } from './metrics';
import { Permission, Public } from './permission';
import { Problems } from './problems';
import { checkRoutes } from './routes';
import { ApiProblems } from './problem-responses';

const LIMITS: HttpLimits = {
  ...{ bodyBytesLimit: 1_000_000, answerBytesLimit: 1_000_000 },
  ...{ requestTimeoutMs: 10_000, answerTimeoutMs: 10_000, ratePerAddress: undefined },
  maxConnections: 100,
  connectionsPerAddress: undefined,
};

const KEYS: Record<string, { name: string; role: string }> = {
  'of-an-admin': { name: 'ann', role: 'admin' },
  'of-a-clerk': { name: 'carl', role: 'clerk' },
};
const keys = { find: (key: string) => KEYS[key] };

/** A body without fields. */
class NoteDto {}

@Controller('v1/notes')
class NoteController {
  @Get()
  @Permission('notes.read')
  list(): string {
    return 'done';
  }

  @Post()
  @Permission('notes.take')
  take(@Body() _: NoteDto): string {
    return 'done';
  }

  @Get('open')
  @Public()
  open(): string {
    return 'done';
  }

  @Get('forgotten')
  forgotten(): string {
    return 'done';
  }
}

@Module({
  controllers: [NoteController],
  providers: [
    { provide: ApiKeys, useValue: keys },
    { provide: Metrics, useValue: { observeRequest: () => undefined } },
    AccessGuard,
    { provide: APP_GUARD, useExisting: AccessGuard },
  ],
})
class NoteModule {}

describe('who may do what', () => {
  let app: NestFastifyApplication;

  beforeAll(async () => {
    app = await buildHttpApp({ module: NoteModule }, new Problems([]), makeLog('silent'), LIMITS);
  });

  afterAll(() => app.close());

  const send = (url: string, key?: string, body?: string, type = 'application/json') =>
    app.inject({
      method: body === undefined ? 'GET' : 'POST',
      url,
      headers: {
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': type }),
      },
      ...(body !== undefined && { body }),
    });
  const codeOf = async (...request: Parameters<typeof send>) => {
    const { statusCode, json } = await send(...request);
    return statusCode < 300 ? 'done' : json<{ code: string }>().code;
  };

  it('asks for a key, and for the permission of the route', async () => {
    expect(await codeOf('/v1/notes', 'of-an-admin')).toBe('done');
    expect(await codeOf('/v1/notes', 'of-a-clerk')).toBe('forbidden');
    expect(await codeOf('/v1/notes', 'of-nobody')).toBe('unauthorized');
    expect(await codeOf('/v1/notes')).toBe('unauthorized');
    expect((await send('/v1/notes')).headers['www-authenticate']).toMatch(/^Bearer/);
  });

  it('asks for neither where a route is public', async () => {
    for (const key of [undefined, 'of-nobody', 'of-a-clerk', 'of-an-admin']) {
      expect(await codeOf('/v1/notes/open', key)).toBe('done');
    }
  });

  it('lets nobody at a route that does not say who may use it', async () => {
    expect(await codeOf('/v1/notes/forgotten')).toBe('unauthorized');
    for (const key of ['of-a-clerk', 'of-an-admin']) {
      expect(await codeOf('/v1/notes/forgotten', key)).toBe('forbidden');
    }
  });

  it('decides before it reads a body', async () => {
    const bodies: [string, string?][] = [['{broken'], ['x', 'text/plain'], ['"'.repeat(5e6)]];
    const known = ['validation_failed', 'unsupported_media_type', 'payload_too_large'];
    for (const [i, [body, type]] of bodies.entries()) {
      expect(await codeOf('/v1/notes', undefined, body, type)).toBe('unauthorized');
      expect(await codeOf('/v1/notes', 'of-a-clerk', body, type)).toBe('forbidden');
      expect(await codeOf('/v1/notes', 'of-an-admin', body, type)).toBe(known[i]);
    }
    expect(await codeOf('/v1/notes', 'of-an-admin', '{}')).toBe('done');
    expect(await codeOf('/v1/notes', 'of-a-clerk', '{}')).toBe('forbidden');
  });

  it('says to everybody that a path does not exist', async () => {
    for (const url of ['/v1/nothing', '/', '/v1/notes/open/1', '/docsx']) {
      expect(await codeOf(url)).toBe('not_found');
    }
  });

  it('leaves the documentation open, with all that it loads', async () => {
    for (const url of ['/docs', '/docs/json', '/docs/swagger-ui.css']) {
      expect((await send(url)).statusCode).toBe(200);
    }
    const unknown = await send('/docs/nothing.css');
    expect(unknown.statusCode).toBe(404);
  });

  it('asks at HEAD what it asks at GET', async () => {
    const head = async (url: string, key: string) => {
      const headers = { authorization: `Bearer ${key}` };
      return (await app.inject({ method: 'HEAD', url, headers })).statusCode;
    };
    expect(await head('/v1/notes', 'of-nobody')).toBe(401);
    expect(await head('/v1/notes', 'of-a-clerk')).toBe(403);
    expect(await head('/v1/notes', 'of-an-admin')).toBe(200);
    expect(await head('/v1/notes/open', 'of-nobody')).toBe(200);
  });
});

@Controller()
class WrongController {
  @Get()
  @Permission('notes.Read')
  misspelt(): void {}

  @Post()
  @Public()
  @ApiProblems(['not_found', 'box_full'])
  undeclared(): void {}

  noRoute(): void {}
}

describe('the check of the routes', () => {
  it('takes routes that say who may use them', () => {
    @Controller()
    class Good extends WrongController {
      @Get()
      @Permission('notes.rotate-secret')
      override misspelt(): void {}
    }
    const declared = [{ name: 'boxes', problems: { box_full: { status: 409, title: 'x' } } }];
    expect(() => checkRoutes([Good], new Problems(declared))).not.toThrow();
  });

  it('names every controller and method that does not fit', () => {
    const check = () => checkRoutes([NoteController, WrongController], new Problems([]));
    expect(check).toThrow(
      [
        'The routes are not complete:',
        '  - NoteController.forgotten has neither @Permission nor @Public',
        '  - WrongController.misspelt asks for "notes.Read", which is not of the form noun.verb',
        '  - WrongController.undeclared documents box_full, which no feature declares',
      ].join('\n'),
    );
  });
});
