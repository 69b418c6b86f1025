import { Inject, Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { scopedKey } from '../../engine/write/command-log';
import type { Outcome } from '../../engine/define/creator';
import { lastPosition, type LogDatabase } from '../../engine/write/event-log';
import { Ledger } from '../../engine/write/ledger';
import { Turns } from '../../engine/session/turns';
import type { DatabaseUrls } from '../../database/connections';
import { Registry } from '../../engine/define/registry';
import { DATABASE_URLS, LOG_READER } from '../../http/service-tokens';
import { Pace, REST } from '../runs/pace';
import { amend, type AmendOptions } from './amend';
import type { AmendmentCommand } from './amendment.commands';
import type { AmendmentDto } from './amendment.dto';

/** One at a time, because each has connections and a rebuild of its own; few wait, and not long. */
const TURNS = { atOnce: 1, queueLimit: 4, waitMs: 10_000 };

/** Amendments of a running service. */
@Injectable()
export class Amendments {
  private readonly underWay = new Map<string, Promise<unknown>>();
  private readonly turns = new Turns('amendments', TURNS);
  private readonly options: Omit<AmendOptions, 'pace'>;

  constructor(
    @Inject(DATABASE_URLS) urls: DatabaseUrls,
    @Inject(LOG_READER) private readonly logReader: Kysely<LogDatabase>,
    private readonly ledger: Ledger,
    registry: Registry,
  ) {
    this.options = { urls, registry };
  }

  /**
   * Amends events. Of the same requests that come at once, the later ones wait for the first and
   * then get its answer.
   * @throws LedgerUnavailable
   */
  async amend(command: AmendmentCommand): Promise<Outcome<AmendmentDto>> {
    const { actor, idempotencyKey } = command;
    if (idempotencyKey === undefined) return this.amendNow(command);
    const key = scopedKey(actor, idempotencyKey);
    for (let first = this.underWay.get(key); first; first = this.underWay.get(key)) {
      await first.catch(() => undefined);
    }
    const running = this.amendNow(command);
    this.underWay.set(key, running);
    try {
      return await running;
    } finally {
      this.underWay.delete(key);
    }
  }

  /** Commands keep their throughput meanwhile, as far as somebody who waits for it can let them. */
  private amendNow(command: AmendmentCommand): Promise<Outcome<AmendmentDto>> {
    const readHead = () => lastPosition(this.logReader, this.ledger.head);
    const { wait: pace } = new Pace(readHead, REST.rebuild, new AbortController().signal);
    return this.turns.take(() => amend({ ...this.options, pace }, command));
  }
}
