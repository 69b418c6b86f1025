import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { FeatureService } from '../../engine/define/feature';
import type { OpenLedger } from '../../engine/open-ledger';
import type { EngineLog } from '../../engine/write/ledger-parts';
import type { HttpLimits } from '../../http/http-limits';
import { CONFIG, OPEN_LEDGER, SERVICE_LOG } from '../../http/service-tokens';
import { EventController } from './event.controller';
import { EventFeed } from './event-feed';
import type { EventLimits } from './event-limits';
import { EventMeasurement } from './event.measurements';
import { EventPages } from './event-pages';
import { EventStreamController } from './event-stream.controller';
import { EventSubjects } from './event-subject.queries';

/** What the stream reads of the configuration. */
interface EventConfig {
  readonly events: EventLimits;
  readonly http: HttpLimits;
}

function feedOf(
  open: OpenLedger,
  config: EventConfig,
  pages: EventPages,
  subjects: EventSubjects,
  errors: EngineLog,
): EventFeed {
  const { stateReader: state, callersLog: log } = open;
  const { events: limits, http } = config;
  const patienceMs = http.answerTimeoutMs;
  const feed = new EventFeed({ state, log, pages, subjects, limits, patienceMs, errors });
  open.onCommitted(() => feed.wake());
  return feed;
}

/** Sends listeners away before the server waits for its connections to end. */
@Injectable()
class FeedLifecycle implements BeforeApplicationShutdown {
  constructor(private readonly feed: EventFeed) {}

  beforeApplicationShutdown(): Promise<void> {
    return this.feed.close();
  }
}

export const service: FeatureService = {
  controllers: [EventStreamController, EventController],
  providers: [
    EventPages,
    {
      provide: EventFeed,
      useFactory: feedOf,
      inject: [OPEN_LEDGER, CONFIG, EventPages, EventSubjects, SERVICE_LOG],
    },
    FeedLifecycle,
  ],
  measurements: [EventMeasurement],
};
