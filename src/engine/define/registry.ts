import { createHash } from 'node:crypto';
import { upcast, type EventType, type LedgerEvent } from './event';
import type { EventObserver, Materializer } from './materializer';
import type { RowNeeds } from './state-session';
import type { DataRule, Feature, SealCheck } from './feature';
import type { StateTable } from './state-table';

/** The features do not fit together; every problem is listed. The process must not start. */
export class RegistryError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The features are not complete:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
  }
}

/** All tables, event types, materializers and creators of the program, checked for completeness. */
export class Registry {
  readonly tables: readonly StateTable[];
  /** Changes with every materializer's version; stored with the state that they built. */
  readonly materializersVersion: string;
  /** Names of all tasks that may be asked for. */
  readonly taskNames: ReadonlySet<string>;
  /** What looks at every event after its materializer, in this order. */
  readonly observers: readonly EventObserver[];
  /** What a verification computes again besides the rows. */
  readonly seals: readonly SealCheck[];
  private readonly dataRules: readonly DataRule[];
  private readonly materializers = new Map<string, Materializer>();

  /** @throws RegistryError naming duplicates and missing upcasters. */
  constructor(features: readonly Feature[]) {
    const problems: string[] = [];
    this.tables = features.flatMap((f) => f.tables);
    for (const materializer of features.flatMap((f) => f.materializers)) {
      const { type } = materializer.event;
      if (this.materializers.has(type)) problems.push(`${type} has two materializers`);
      this.materializers.set(type, materializer);
      problems.push(...missingUpcasters(materializer.event));
    }
    this.dataRules = features.flatMap((f) => f.dataRules);
    this.seals = features.flatMap((f) => f.seals);
    this.observers = features.flatMap((f) => f.observers);
    const taskNames = features.flatMap((f) => f.tasks);
    this.taskNames = new Set(taskNames);
    problems.push(
      ...repeated(features.flatMap((f) => f.creators).map((c) => c.name)).map(
        (n) => `${n} is defined twice`,
      ),
      ...repeated(this.tables.map((t) => t.name)).map((n) => `table ${n} is defined twice`),
      ...repeated(taskNames).map((n) => `task ${n} is declared twice`),
      ...repeated(features.map((f) => f.name)).map((n) => `two features are called ${n}`),
    );
    if (problems.length > 0) throw new RegistryError(problems);
    this.materializersVersion = this.digestVersions();
  }

  /**
   * Refuses a log that this program cannot read to the end.
   * @param stored the event types and versions that the log contains
   * @throws RegistryError naming each type without a materializer and each version too new
   */
  checkComplete(stored: readonly { type: string; version: number }[]): void {
    const problems = stored.flatMap(({ type, version }) => {
      const known = this.materializers.get(type);
      if (!known) return [`${type} is in the log and has no materializer`];
      if (version <= known.event.version) return [];
      return [`${type} version ${version} is in the log; known up to ${known.event.version}`];
    });
    if (problems.length > 0) throw new RegistryError(problems);
  }

  /** Names the rows that materializing an event is going to read, as far as is known ahead. */
  need(event: LedgerEvent, needs: Pick<RowNeeds, 'row'>): void {
    this.materializerOf(event.type).needs?.(event, needs);
  }

  /** The event types that the program knows. */
  get eventTypes(): string[] {
    return [...this.materializers.keys()];
  }

  /** What applies events of a type. @throws Error for a type that no feature knows */
  materializerOf(type: string): Materializer {
    const found = this.materializers.get(type);
    if (!found) throw new Error(`No materializer for ${type}`);
    return found;
  }

  /** The type that is called so; undefined where no feature knows one. */
  typeOf(name: string): EventType | undefined {
    return this.materializers.get(name)?.event;
  }

  /** Applies the rules of a type to data in its current version. @throws Refusal */
  checkData(type: string, data: object): void {
    for (const { event, check } of this.dataRules) if (event.type === type) check(data as never);
  }

  /** A stored event in the current version of its type. */
  upcast(event: LedgerEvent): LedgerEvent {
    const type = this.materializers.get(event.type)?.event;
    if (!type || type.version === event.version) return event;
    return { ...event, version: type.version, data: upcast(type, event) };
  }

  private digestVersions(): string {
    const versions = [...this.materializers.values()]
      .map((m) => `${m.event.type}@${m.version}`)
      .sort();
    // Their order decides the order of an event's tasks.
    versions.push(...this.observers.map((o) => `observer ${o.name}@${o.version}`));
    return createHash('sha256').update(versions.join('\n')).digest('hex').slice(0, 16);
  }
}

function missingUpcasters(event: EventType): string[] {
  const problems: string[] = [];
  for (let from = 1; from < event.version; from++) {
    if (!event.upcasters[from]) problems.push(`${event.type} has no upcaster from version ${from}`);
  }
  return problems;
}

function repeated(names: readonly string[]): string[] {
  return names.filter((name, i) => names.indexOf(name) !== i);
}
