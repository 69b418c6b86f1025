import type { Kysely } from 'kysely';
import type { Creator } from './creator';
import type { EventType } from './event';
import type { EventObserver, Materializer } from './materializer';
import type { Measurement } from './measurement';
import type { Schedule } from './schedule';
import type { StateDatabase, StateTable } from './state-table';
import type { TaskHandler } from './task-handler';

/**
 * What the schema of an event's data cannot say, for data that no creator made: an amendment's.
 * Throws a Refusal.
 */
export interface DataRule {
  readonly event: EventType;
  readonly check: (data: never) => void;
}

/** An event that says what the books add up to, and what is wrong with that. */
export interface BrokenSeal {
  readonly position: number;
  /** One sentence. */
  readonly detail: string;
}

/**
 * Computes again what events say that the books add up to, from a state that was rebuilt; it has
 * no indexes but those of keys.
 * @param after only of events behind this position
 */
export type SealCheck = (db: Kysely<StateDatabase>, after: number) => Promise<BrokenSeal[]>;

/** What a refusal means to who called: the HTTP status and the title of its problem. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

/**
 * Everything that a feature brings: what it means to the engine, which every script needs, and what
 * only a running service does with it.
 */
export interface Feature {
  /** Of the folder that it is in. */
  readonly name: string;
  readonly tables: readonly StateTable[];
  readonly materializers: readonly Materializer[];
  readonly creators: readonly Creator<never>[];
  readonly observers: readonly EventObserver[];
  readonly dataRules: readonly DataRule[];
  /** What a verification computes again besides the rows. */
  readonly seals: readonly SealCheck[];
  /** Names of the tasks that its materializers and observers ask for. */
  readonly tasks: readonly string[];
  /** The codes that it refuses with and no other feature declares. */
  readonly problems: Readonly<Record<string, ProblemKind>>;
  /**
   * Loads its part of a running service. A function, because that part stands on the framework of
   * the API: 60 MiB and half a second, which rebuilds, scripts and pure specs need not pay.
   */
  readonly service: () => Promise<ServiceModule>;
}

/** A file whose `service` is a feature's part of a running service. */
export interface ServiceModule {
  readonly service: FeatureService;
}

/** A class that the service makes an instance of, whatever its constructor asks for. */
export type ServiceClass<T = unknown> = abstract new (...needs: never[]) => T;

/** What a constructor asks for something by: a class, or a symbol where there is none. */
export type ServiceToken<T = unknown> = ServiceClass<T> | symbol;

/** How something that can be asked for comes about. */
export type ServiceProvider<T = unknown> =
  | (new (...needs: never[]) => T)
  | { readonly provide: ServiceToken; readonly useClass: new (...needs: never[]) => T }
  | { readonly provide: ServiceToken; readonly useValue: T }
  | { readonly provide: ServiceToken; readonly useExisting: ServiceToken }
  | {
      readonly provide: ServiceToken;
      readonly useFactory: (...needs: never[]) => T | Promise<T>;
      readonly inject: readonly ServiceToken[];
    };

/** What a feature brings to a running service. Each class is made once, with what it asks for. */
export interface FeatureService {
  /** Its routes; each says who may use it. */
  readonly controllers?: readonly ServiceClass<object>[];
  readonly providers?: readonly ServiceProvider[];
  /** Those of the providers that other features may ask for too. */
  readonly exports?: readonly ServiceToken[];
  /** One for each of the feature's tasks. */
  readonly taskHandlers?: readonly ServiceProvider<TaskHandler>[];
  readonly schedules?: readonly ServiceProvider<Schedule>[];
  readonly measurements?: readonly ServiceProvider<Measurement>[];
}

/** Declares a feature; what it does not name it does not have. */
export function defineFeature(feature: Pick<Feature, 'name'> & Partial<Feature>): Feature {
  return {
    tables: [],
    materializers: [],
    creators: [],
    observers: [],
    dataRules: [],
    seals: [],
    tasks: [],
    problems: {},
    service: () => Promise.resolve({ service: {} }),
    ...feature,
  };
}

/** What something is asked for by. */
export function tokenOf(provider: ServiceProvider): ServiceToken {
  return typeof provider === 'function' ? provider : provider.provide;
}
