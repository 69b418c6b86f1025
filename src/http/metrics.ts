import { Controller, Get, Header, Injectable } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { Ledger } from '../engine/ledger';

/** Upper bounds in seconds: a group commit takes a few milliseconds, a lock wait some seconds. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What Prometheus may ask for. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  private readonly durations: Histogram<'method' | 'route' | 'status'>;

  constructor(ledger: Ledger) {
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
  }

  /** @param route the path with its parameters' names, so that ids make no series */
  observeRequest(method: string, route: string, status: number, durationMs: number): void {
    this.durations.labels(method, route, String(status)).observe(durationMs / 1000);
  }
}

@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  read(): Promise<string> {
    return this.metrics.registry.metrics();
  }
}
