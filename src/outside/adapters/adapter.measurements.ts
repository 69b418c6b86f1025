import { Injectable } from '@nestjs/common';
import type { Measurement, Sample } from '../../engine/define/measurement';
import { Adapters } from './adapters';

const OPEN = 'truebook_adapter_breaker_open';

/** Which services outside are away. */
@Injectable()
export class BreakerMeasurement implements Measurement {
  readonly metrics = [
    {
      name: OPEN,
      help: 'Circuits to a service outside that are not closed, because it is away',
      labels: ['adapter'],
    },
  ];

  constructor(private readonly adapters: Adapters) {}

  read(): Sample[] {
    return this.adapters
      .status()
      .map(({ name: adapter, open }) => ({ metric: OPEN, labels: { adapter }, value: open }));
  }
}
