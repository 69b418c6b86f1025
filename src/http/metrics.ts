import { Controller, Get, Header, Injectable } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { Ledger } from '../engine/write/ledger';
import type { Background, LastVerification } from './background';
import { ageOf } from './health';
import { within } from './within';

/** Upper bounds in seconds: a group commit takes a few milliseconds, a lock wait some seconds. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A scrape goes without what the database has not said by then. */
const PATIENCE_MS = 1_000;
const TASK_STATUSES = ['queued', 'running', 'failed'] as const;

/** What Prometheus may ask for. */
@Injectable()
export class Metrics {
  private readonly registry = new Registry();
  private readonly durations: Histogram<'method' | 'route' | 'status'>;

  constructor(ledger: Pick<Ledger, 'status' | 'head'>, background: Background) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.durations = new Histogram({
      name: 'truebook_http_request_duration_seconds',
      help: 'Time from a request to its answer',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS_S,
      registers,
    });
    new Gauge({
      name: 'truebook_ledger_queue_length',
      help: 'Commands that wait to be written',
      registers,
      collect() {
        this.set(ledger.status().queued);
      },
    });
    new Gauge({
      name: 'truebook_ledger_head_position',
      help: 'Position of the last event that this process has seen',
      registers,
      collect() {
        this.set(ledger.head.position);
      },
    });
    measureTasks(background, registers);
    measureAdapters(background, registers);
    measureVerification(background, registers);
  }

  /** Everything that is measured, in Prometheus' text format; in bounded time. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** @param route the path with its parameters' names, so that ids make no series */
  observeRequest(method: string, route: string, status: number, durationMs: number): void {
    this.durations.labels(method, route, String(status)).observe(durationMs / 1000);
  }
}

/** Of a database that does not answer nothing is said: an old number would look like a new one. */
function measureTasks(background: Background, registers: Registry[]): void {
  const counted = oneAtATime(() => background.countTasks());
  new Gauge({
    name: 'truebook_tasks',
    help: 'Tasks that wait in the queue, are under way, or have failed',
    labelNames: ['status'],
    registers,
    async collect() {
      const numbers = await within(PATIENCE_MS, counted(), () => new Error('late')).catch(
        () => undefined,
      );
      this.reset();
      if (!numbers) return;
      for (const status of TASK_STATUSES) this.labels(status).set(numbers[status]);
    },
  });
}

function measureAdapters(background: Background, registers: Registry[]): void {
  new Gauge({
    name: 'truebook_adapter_breaker_open',
    help: 'Circuits to a service outside that are not closed, because it is away',
    labelNames: ['adapter'],
    registers,
    collect() {
      for (const { name, open } of background.adapters()) this.labels(name).set(open);
    },
  });
}

/** What is measured of the last verification that came to a verdict. */
const VERIFICATION_GAUGES: readonly {
  readonly name: string;
  readonly help: string;
  readonly of: (last: LastVerification) => number | null;
}[] = [
  {
    name: 'passed',
    help: '1 where the last verification passed, 0 where it failed',
    of: ({ status }) => (status === 'passed' ? 1 : 0),
  },
  {
    name: 'finished_timestamp_seconds',
    help: 'When the last verification ended, in seconds since 1970',
    of: ({ finishedAt }) => Date.parse(finishedAt) / 1000,
  },
  {
    name: 'age_seconds',
    help: 'Time since the last verification ended',
    of: ageOf,
  },
  {
    name: 'duration_seconds',
    help: 'How long the last verification took',
    of: ({ durationMs }) => durationMs / 1000,
  },
  {
    name: 'events',
    help: 'Events that the last verification materialized',
    of: ({ processed }) => processed,
  },
  {
    name: 'events_per_second',
    help: 'Speed of the last verification',
    of: ({ eventsPerSecond }) => eventsPerSecond,
  },
  {
    name: 'differing_rows',
    help: 'Rows of the live state that the last verification found missing, extra or changed',
    of: ({ differingRows }) => differingRows,
  },
  {
    name: 'tasks_missing',
    help: 'Recorded tasks that the last verification found not to be asked for',
    of: ({ missingTasks }) => missingTasks,
  },
  {
    name: 'tasks_extra',
    help: 'Tasks that the last verification found asked for and not recorded',
    of: ({ extraTasks }) => extraTasks,
  },
];

/** One question to the database for all of them; a gauge without an answer is left out. */
function measureVerification(background: Background, registers: Registry[]): void {
  const asked = oneAtATime(() => background.lastVerification());
  for (const { name, help, of } of VERIFICATION_GAUGES) {
    new Gauge({
      name: `truebook_verification_${name}`,
      help,
      registers,
      async collect() {
        const last = await within(PATIENCE_MS, asked(), () => new Error('late')).catch(() => null);
        const value = last && of(last);
        this.remove();
        if (value !== null) this.set(value);
      },
    });
  }
}

/** Scrapes that come while a database is slow share one question to it. */
function oneAtATime<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => (asked ??= ask().finally(() => (asked = undefined)));
}

@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  read(): Promise<string> {
    return this.metrics.text();
  }
}
