import type { Kysely } from 'kysely';
import type { Command, Outcome } from '../define/creator';
import type { LedgerEvent } from '../define/event';
import type { Registry } from '../define/registry';
import {
  checkSameRequest,
  storedOutcome,
  withResponse,
  type RememberedCommand,
} from './command-log';
import { readOriginalEvents, type LogDatabase } from './event-log';

/** Events that are read in one query, unless a single command has more. */
const EVENTS_PER_QUERY = 1_000;
/** Bytes of events, as they are stored, that are read in one query, unless a command has more. */
const BYTES_PER_QUERY = 512 * 1024;

/**
 * The first answers of commands that are repeated. Where an answer is derived, the events of many
 * commands are read in one query: one by one, a batch of a thousand repeated keys took twelve times
 * as long as the first time, and everybody waited for it.
 */
export class RememberedOutcomes {
  /** Commands whose events are not read yet, in the order in which they will be asked for. */
  private readonly expected = new Set<RememberedCommand>();
  /** Events of commands that were not asked for yet: of one query, so that they have a bound. */
  private read = new Map<RememberedCommand, LedgerEvent[]>();
  private readonly answered = new WeakMap<RememberedCommand, Outcome>();

  constructor(
    private readonly registry: Registry,
    private readonly log: Kysely<LogDatabase>,
  ) {}

  /** Names a command that may be repeated behind those that were named before. */
  expect(remembered: RememberedCommand): void {
    const isStored = remembered.isLarge || storedOutcome(remembered) !== undefined;
    if (!isStored) this.expected.add(remembered);
  }

  /**
   * The first answer again.
   * @throws Refusal `idempotency_key_reused` where the remembered request was another one
   */
  async of(remembered: RememberedCommand, command: Command): Promise<Outcome> {
    const { creator, input, idempotencyKey } = command;
    await checkSameRequest(remembered.fingerprint, creator.name, input, idempotencyKey!);
    let outcome = this.answered.get(remembered);
    outcome ??= storedOutcome(await withResponse(this.log, remembered));
    if (!outcome) {
      if (!this.read.has(remembered)) await this.readWith(remembered);
      const answer = creator.answer!(this.read.get(remembered)!);
      outcome = { kind: 'accepted', answer, position: remembered.lastPosition, isHit: true };
    }
    this.answered.set(remembered, outcome);
    this.read.delete(remembered);
    return outcome;
  }

  /** Reads the events of a command, and of those that are expected next, as there is room. */
  private async readWith(first: RememberedCommand): Promise<void> {
    const needed = positionsOf(first);
    this.expected.delete(first);
    const commands = [first];
    let positions = needed;
    for (const next of this.expected) {
      const more = positionsOf(next);
      if (positions.length + more.length > EVENTS_PER_QUERY) break;
      commands.push(next);
      positions = positions.concat(more);
    }
    const bounds = { maxBytes: BYTES_PER_QUERY, needed };
    const found = await readOriginalEvents(this.log, positions, bounds);
    const byPosition = new Map(found.map((e) => [e.position, e]));
    this.read = new Map();
    for (const command of commands) {
      const events = positionsOf(command).map((position) => byPosition.get(position));
      if (!events.every((event) => event !== undefined)) continue;
      this.expected.delete(command);
      this.read.set(
        command,
        events.map((event) => this.registry.upcast(event)),
      );
    }
  }
}

/** The positions of a command's events. */
function positionsOf({ firstPosition, lastPosition }: RememberedCommand): number[] {
  if (firstPosition === null) return [];
  const length = lastPosition - firstPosition + 1;
  return Array.from({ length }, (_, i) => firstPosition + i);
}
