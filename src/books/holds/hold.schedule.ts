import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Schedule } from '../../engine/define/schedule';
import { StateReader } from '../../engine/session/state-reader';
import { Ledger } from '../../engine/write/ledger';
import { ExpireHolds } from './hold.creators';
import { readDue } from './hold.queries';

/** The service's own work has a name of its own. */
const ACTOR = 'system:holds';
/** Holds that expire in one command. */
const HOLDS_PER_COMMAND = 200;
/** Between two commands, in which others get their turn. */
const PAUSE_MS = 5;

/**
 * Looks every second for holds whose time is over, and lets them expire in the order of their
 * instants, some at a time. Who looks does not matter: each expires once, because a command that
 * comes too late or too early finds nothing to do.
 */
@Injectable()
export class HoldExpiry implements Schedule {
  readonly name = 'holds';
  readonly pattern = '* * * * * *';
  private isUnderWay = false;

  constructor(
    private readonly state: StateReader,
    private readonly ledger: Ledger,
  ) {}

  async run(): Promise<void> {
    // After an outage this takes longer than a second.
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    try {
      while (await this.expireNext()) await pause(PAUSE_MS);
    } finally {
      this.isUnderWay = false;
    }
  }

  /** @returns whether there may be more */
  private async expireNext(): Promise<boolean> {
    const { value: holdIds } = await this.state.read((db) => readDue(db, HOLDS_PER_COMMAND));
    if (holdIds.length === 0) return false;
    const command = { creator: ExpireHolds, input: { holdIds }, actor: ACTOR };
    const outcome = await this.ledger.submit(command);
    // None, where the database's clock is ahead of the command's: they are due in a moment.
    return outcome.kind === 'accepted' && outcome.answer.expired > 0;
  }
}
