import { Inject, Injectable } from '@nestjs/common';
import { scopedKey } from '../../engine/write/command-log';
import type { Outcome } from '../../engine/define/creator';
import type { DatabaseUrls } from '../../database/connections';
import { Registry } from '../../engine/define/registry';
import { DATABASE_URLS } from '../../http/service-tokens';
import { amend, type AmendOptions } from './amend';
import type { AmendmentCommand } from './amendment.commands';
import type { AmendmentDto } from './amendment.dto';

/** Amendments of a running service. */
@Injectable()
export class Amendments {
  private readonly underWay = new Map<string, Promise<unknown>>();
  private readonly options: AmendOptions;

  constructor(@Inject(DATABASE_URLS) urls: DatabaseUrls, registry: Registry) {
    this.options = { urls, registry };
  }

  /**
   * Amends events. Of the same requests that come at once, the later ones wait for the first and
   * then get its answer.
   * @throws LedgerUnavailable
   */
  async amend(command: AmendmentCommand): Promise<Outcome<AmendmentDto>> {
    const { actor, idempotencyKey } = command;
    if (idempotencyKey === undefined) return amend(this.options, command);
    const key = scopedKey(actor, idempotencyKey);
    for (let first = this.underWay.get(key); first; first = this.underWay.get(key)) {
      await first.catch(() => undefined);
    }
    const running = amend(this.options, command);
    this.underWay.set(key, running);
    try {
      return await running;
    } finally {
      this.underWay.delete(key);
    }
  }
}
