import { Injectable } from '@nestjs/common';
import type { Measurement, Sample } from '../../engine/define/measurement';
import { EventFeed } from './event-feed';

const LISTENERS = 'truebook_event_listeners';
const CUT_OFF = 'truebook_event_listeners_cut_off_total';

/** How many listen to events, and how many took too little of them. */
@Injectable()
export class EventMeasurement implements Measurement {
  readonly metrics = [
    { name: LISTENERS, help: 'Connections that listen to events' },
    {
      name: CUT_OFF,
      help: 'Listeners that were cut off because they left what they were sent',
      kind: 'counter' as const,
    },
  ];

  constructor(private readonly feed: EventFeed) {}

  read(): Sample[] {
    const { listening, cutOff } = this.feed.counts;
    return [
      { metric: LISTENERS, value: listening },
      { metric: CUT_OFF, value: cutOff },
    ];
  }
}
