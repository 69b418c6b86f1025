import 'reflect-metadata';
import { Controller, Get, Module, type DynamicModule } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { AccessGuard } from './access.guard';
import { ApiKeys } from './api-keys';
import { featureModule } from './feature-module';
import { buildHttpApp } from './http-app';
import type { HttpLimits } from './http-limits';
import { makeLog } from './log';
import { Metrics } from './metrics';
import { Public } from './permission';
import { Problems } from './problems';

const LIMITS: HttpLimits = {
  ...{ bodyBytesLimit: 1_000_000, answerBytesLimit: 1_000_000 },
  ...{ requestTimeoutMs: 10_000, answerTimeoutMs: 10_000, ratePerAddress: undefined },
  maxConnections: 100,
  connectionsPerAddress: undefined,
};

@Module({
  providers: [
    { provide: ApiKeys, useValue: { find: () => undefined } },
    { provide: Metrics, useValue: { observeRequest: () => undefined } },
    AccessGuard,
  ],
})
class Core {}

@Module({})
class All {}

/** Something that a feature has running, with what happens to it in the order in which it does. */
class Engine {
  constructor(
    private readonly name: string,
    private readonly happened: string[],
    private readonly failsAt?: 'start' | 'stop',
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await delay(5);
    if (this.failsAt === 'start') throw new Error(`${this.name} does not start`);
    this.happened.push(`${this.name} starts`);
  }

  async onApplicationShutdown(): Promise<void> {
    await delay(5);
    if (this.failsAt === 'stop') throw new Error(`${this.name} does not stop`);
    this.happened.push(`${this.name} stops`);
  }
}

function moduleWith(engine: Engine, controllers: (new () => object)[] = []): DynamicModule {
  const providers = [{ provide: Symbol('engine'), useValue: engine }];
  return featureModule({ name: 'engine' }, { providers, controllers }, true);
}

function build(...features: DynamicModule[]) {
  const module = { module: All, imports: [Core, ...features] };
  return buildHttpApp(module, new Problems([]), makeLog('silent'), LIMITS);
}

describe('what features have running', () => {
  it('starts in the order of the list, and stops the other way round at the end', async () => {
    const happened: string[] = [];
    let isAsked: () => void = () => undefined;
    const asked = new Promise<void>((done) => (isAsked = done));

    @Controller('slow')
    class Slow {
      @Get()
      @Public()
      async answer(): Promise<string> {
        isAsked();
        await delay(50);
        happened.push('answer');
        return 'done';
      }
    }
    const [tasks, runs] = ['tasks', 'runs'].map((name) => moduleWith(new Engine(name, happened)));
    const adapters = moduleWith(new Engine('adapters', happened), [Slow]);
    const app = await build(adapters, tasks!, runs!);
    expect(happened).toEqual(['adapters starts', 'tasks starts', 'runs starts']);
    await app.listen(0, '127.0.0.1');
    const answer = fetch(`${await app.getUrl()}/slow`).then((response) => response.text());
    await asked;
    await app.close();
    expect(await answer).toBe('done');
    expect(happened.slice(3)).toEqual(['answer', 'runs stops', 'tasks stops', 'adapters stops']);
  });

  it('stops where a later one does not start, whose error is that of the start', async () => {
    const happened: string[] = [];
    const [first, last] = ['first', 'last'].map((name) => moduleWith(new Engine(name, happened)));
    const broken = moduleWith(new Engine('broken', happened, 'start'));
    await expect(build(first!, broken, last!)).rejects.toThrow('broken does not start');
    expect(happened).toEqual(['first starts', 'last stops', 'broken stops', 'first stops']);
  });

  it('stops where another one does not stop', async () => {
    const happened: string[] = [];
    const broken = moduleWith(new Engine('broken', happened, 'stop'));
    const app = await build(moduleWith(new Engine('first', happened)), broken);
    await app.close();
    expect(happened).toEqual(['first starts', 'broken starts', 'first stops']);
  });

  it('has no routes in a process that does not serve the API', async () => {
    @Controller('notes')
    class Notes {
      @Get()
      @Public()
      list(): string {
        return 'none';
      }
    }
    const service = { controllers: [Notes] };
    for (const servesApi of [true, false]) {
      const app = await build(featureModule({ name: 'notes' }, service, servesApi));
      const { statusCode } = await app.inject({ url: '/notes' });
      expect(statusCode).toBe(servesApi ? 200 : 404);
      await app.close();
    }
  });
});
