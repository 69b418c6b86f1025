import type { Creator } from '../../src/engine/define/creator';
import { GENESIS } from '../../src/engine/define/event';
import { Execution } from '../../src/engine/write/execution';
import type { Clock } from '../../src/engine/define/ids';
import type { Refusal } from '../../src/engine/define/refusal';
import type { Feature } from '../../src/engine/define/feature';
import { Registry } from '../../src/engine/define/registry';
import { BufferedSession } from '../../src/engine/session/buffered-session';
import { aheadOfLocks } from '../../src/engine/session/session-mode';
import { BookDays } from '../../src/money/book-days';
import { features as allFeatures } from '../../src/features';

/** The time of the commands of a story that says nothing else. */
export const STORY_TIME = '2026-03-04T05:06:07.089Z';

/** What a creator came to: its events, or its refusal. */
export interface Consequence {
  readonly events: readonly { readonly type: string; readonly data: object }[];
  /** What the events ask for; the payload as plain JSON. */
  readonly tasks: readonly { name: string; subject: string | null; payload: unknown }[];
  readonly refusal: Refusal | undefined;
  readonly answer: unknown;
}

/**
 * Given commands, when a command, then events: creators and materializers on a session that began
 * empty, without any database. What uses SQL cannot be told this way.
 */
export class Story {
  /** The time of the next commands, RFC 3339. */
  now = STORY_TIME;
  private readonly execution: Execution;

  constructor(features: readonly Feature[] = allFeatures, timeZone = 'UTC') {
    const registry = new Registry(features);
    const mode = aheadOfLocks(() => Promise.resolve([]));
    const session = new BufferedSession(registry.tables, GENESIS, mode);
    const scope = {
      registry,
      clock: storyClock(() => Date.parse(this.now)),
      days: new BookDays(timeZone),
      log: undefined as never,
    };
    this.execution = new Execution(session, scope, '');
  }

  /** Runs a command that must be accepted. @returns its answer */
  async given<Input, Answer>(creator: Creator<Input, Answer>, input: Input): Promise<Answer> {
    const { refusal, answer } = await this.when(creator, input);
    if (refusal) throw new Error(`${creator.name} was refused: ${refusal.code}`);
    return answer as Answer;
  }

  async when<Input, Answer>(creator: Creator<Input, Answer>, input: Input): Promise<Consequence> {
    const { events, tasks: asked } = this.execution;
    const before = events.length;
    const askedBefore = asked.rows.length;
    const outcome = await this.execution.run({
      creator: creator as unknown as Creator,
      input,
      actor: 'storyteller',
    });
    const appended = events.slice(before).map(({ type, data }) => ({ type, data }));
    const tasks = asked.rows.slice(askedBefore).map(({ name, subject, payload }) => ({
      name,
      subject,
      payload: JSON.parse(payload) as unknown,
    }));
    const accepted = outcome.kind === 'accepted';
    return {
      events: appended,
      tasks,
      refusal: accepted ? undefined : outcome.refusal,
      answer: accepted ? outcome.answer : undefined,
    };
  }
}

/** Stands where it is put, and counts its ids. */
function storyClock(now: () => number): Clock {
  let made = 0;
  return {
    now,
    monotonic: () => 0,
    newId: () => `00000000-0000-7000-8000-${(++made).toString(16).padStart(12, '0')}`,
  };
}
