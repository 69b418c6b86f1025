import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  DelegateBackoff,
  handleType,
  type CircuitBreakerPolicy,
} from 'cockatiel';
import { OtherSideAway } from '../../engine/define/task-handler';

/**
 * The other side cannot be reached, or serves nobody: the next message would fare no better. What
 * an adapter throws for its breaker to count; any other error is about one message.
 */
export class ServiceAway extends Error {
  override readonly name = 'ServiceAway';
}

export interface BreakerOptions {
  /** Failures in a row that open the circuit. */
  readonly failures: number;
  /** How long it stays open at first; it doubles with every probe that fails. Milliseconds. */
  readonly minOpenMs: number;
  readonly maxOpenMs: number;
  /**
   * Whether a probe that finds the other side still away counts as no attempt of its task: for
   * services of our own, which come back. A stranger's may never, and their tasks must end.
   */
  readonly isPatient: boolean;
}

export const DEFAULT_BREAKER: BreakerOptions = {
  failures: 5,
  minOpenMs: 1_000,
  maxOpenMs: 60_000,
  isPatient: false,
};

export type BreakerState = 'closed' | 'open' | 'half-open';

/** How it stands with one adapter. */
export interface BreakerStatus {
  readonly name: string;
  /** `closed` is the good one. */
  readonly state: BreakerState;
  /** Circuits that are not closed; more than one only where each host has its own. */
  readonly open: number;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/**
 * Keeps calls from a service that is away. After some failures in a row the circuit opens: calls
 * are turned away at once, without an attempt. After a while one call goes through to see; it
 * closes the circuit, or the wait doubles, up to a bound. It slows down and never gives up.
 */
export class Breaker {
  private readonly policy: CircuitBreakerPolicy;
  /** By a clock that nobody sets. */
  private retryAt = 0;

  constructor(
    /** What is away, for the message: "The mail server". */
    readonly subject: string,
    private readonly options: BreakerOptions = DEFAULT_BREAKER,
  ) {
    this.policy = circuitBreaker(handleType(ServiceAway), {
      breaker: new ConsecutiveBreaker(options.failures),
      halfOpenAfter: new DelegateBackoff(({ attempt }: { attempt: number }) => {
        const openMs = Math.min(options.maxOpenMs, options.minOpenMs * 2 ** (attempt - 1));
        this.retryAt = performance.now() + openMs;
        // Looked at in `run`. The library counts by the time of day: where that was set back after
        // the circuit opened, it would stay open until the time has come again.
        return -Infinity;
      }),
    });
  }

  get state(): BreakerState {
    if (this.policy.state === CircuitState.Closed) return 'closed';
    return this.policy.state === CircuitState.HalfOpen ? 'half-open' : 'open';
  }

  /**
   * Makes a call unless the other side is known to be away.
   * @throws OtherSideAway where no attempt was made, else what the call throws
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    // The library would let a call wait for the probe's end, and its task's deadline pass.
    if (this.state === 'half-open') throw this.away('is being tried again');
    const isProbe = this.state === 'open';
    if (isProbe && performance.now() < this.retryAt) throw this.away('is away');
    let outcome: Outcome<T>;
    try {
      outcome = await this.policy.execute(() => settle(call));
    } catch (error) {
      if (isProbe && this.options.isPatient && error instanceof ServiceAway) {
        throw new OtherSideAway(error.message, this.waitMs());
      }
      throw error;
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  private away(how: string): OtherSideAway {
    return new OtherSideAway(`${this.subject} ${how}`, this.waitMs());
  }

  /** Until the next probe, and a little more by chance, so that not all that wait come at once. */
  private waitMs(): number {
    const leftMs = Math.max(this.retryAt - performance.now(), this.options.minOpenMs / 2);
    return Math.ceil(leftMs * (1 + Math.random() / 4));
  }
}

/** An answer that refuses one message shows that the other side is there: the circuit's success. */
async function settle<T>(call: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    if (error instanceof ServiceAway) throw error;
    return { error };
  }
}

const MAX_HOSTS = 1_000;

/** A breaker for each host, for those that were used last; a forgotten one begins closed. */
export class HostBreakers {
  private readonly breakers = new Map<string, Breaker>();

  constructor(
    private readonly subject: string,
    private readonly options: BreakerOptions = DEFAULT_BREAKER,
    private readonly maxHosts = MAX_HOSTS,
  ) {}

  /** The breaker of an origin, such as `https://example.com:8443`. */
  of(origin: string): Breaker {
    const breaker = this.breakers.get(origin) ?? new Breaker(this.subject, this.options);
    // A map keeps the order of insertion, so the first is the one that was not used for longest.
    this.breakers.delete(origin);
    this.breakers.set(origin, breaker);
    if (this.breakers.size > this.maxHosts) {
      this.breakers.delete(this.breakers.keys().next().value!);
    }
    return breaker;
  }

  get states(): BreakerState[] {
    return [...this.breakers.values()].map((breaker) => breaker.state);
  }
}

/** Sums the circuits of one adapter up: open where any of them is. */
export function breakerStatus(name: string, states: readonly BreakerState[]): BreakerStatus {
  const away = states.filter((state) => state !== 'closed');
  const state = away.length === 0 ? 'closed' : away.includes('open') ? 'open' : 'half-open';
  return { name, state, open: away.length };
}
