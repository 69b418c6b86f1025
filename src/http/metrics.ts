import { Injectable, type OnModuleInit } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Measurement, Metric, Sample } from '../engine/define/measurement';
import { Ledger } from '../engine/write/ledger';
import { FeatureParts } from './feature-parts';
import { within } from './within';

/** Upper bounds in seconds: a group commit takes a few milliseconds, a lock wait some seconds. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A scrape goes without what the database has not said by then. */
const PATIENCE_MS = 1_000;

/** What Prometheus may ask for. */
@Injectable()
export class Metrics implements OnModuleInit {
  private readonly registry = new Registry();
  private readonly durations: Histogram<'method' | 'route' | 'status'>;

  constructor(
    private readonly ledger: Ledger,
    private readonly parts: FeatureParts,
  ) {
    collectDefaultMetrics({ register: this.registry });
    this.durations = new Histogram({
      name: 'truebook_http_request_duration_seconds',
      help: 'Time from a request to its answer',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS_S,
      registers: [this.registry],
    });
  }

  /** @throws Error where two metrics have one name */
  onModuleInit(): void {
    for (const measurement of [ofLedger(this.ledger), ...this.parts.measurements()]) {
      const ask = oneAtATime(async () => measurement.read());
      for (const metric of measurement.metrics) this.register(metric, ask);
    }
  }

  /** Everything that is measured, in Prometheus' text format; in bounded time. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** @param route the path with its parameters' names, so that ids make no series */
  observeRequest(method: string, route: string, status: number, durationMs: number): void {
    this.durations.labels(method, route, String(status)).observe(durationMs / 1000);
  }

  private register(metric: Metric, ask: () => Promise<readonly Sample[]>): void {
    const { name, help, kind = 'gauge', labels = [] } = metric;
    const registers = [this.registry];
    const common = { name, help, labelNames: [...labels], registers };
    const samples = async () => {
      const read = within(PATIENCE_MS, ask(), () => new Error('late'));
      return (await read.catch(() => [])).filter((sample) => sample.metric === name);
    };
    if (kind === 'counter') {
      new Counter({
        ...common,
        async collect() {
          const found = await samples();
          forget(this, labels);
          for (const { labels: of = {}, value } of found) this.inc(of, value);
        },
      });
      return;
    }
    new Gauge({
      ...common,
      async collect() {
        const found = await samples();
        forget(this, labels);
        for (const { labels: of = {}, value } of found) this.set(of, value);
      },
    });
  }
}

/** Has nothing be said of a metric; without labels it would say 0 after a `reset`. */
function forget(metric: Gauge | Counter, labels: readonly string[]): void {
  if (labels.length > 0) metric.reset();
  else metric.remove();
}

function ofLedger(ledger: Pick<Ledger, 'status' | 'head' | 'holds'>): Measurement {
  const [queue, head] = ['truebook_ledger_queue_length', 'truebook_ledger_head_position'] as const;
  const last = 'truebook_ledger_lock_hold_last_seconds';
  const longest = 'truebook_ledger_lock_hold_longest_seconds';
  return {
    metrics: [
      { name: queue, help: 'Commands that wait to be written' },
      { name: head, help: 'Position of the last event that this process has seen' },
      { name: last, help: 'How long the last batch of this process kept all other writers out' },
      { name: longest, help: 'The longest that a batch of this process kept them out' },
    ],
    read: () => [
      { metric: queue, value: ledger.status().queued },
      { metric: head, value: ledger.head.position },
      { metric: last, value: ledger.holds.last / 1000 },
      { metric: longest, value: ledger.holds.longest / 1000 },
    ],
  };
}

/** Scrapes that come while a database is slow share one question to it. */
function oneAtATime<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => (asked ??= ask().finally(() => (asked = undefined)));
}
