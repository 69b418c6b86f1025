import type { LedgerEvent } from '../define/event';
import type { EventObserver, MaterializationContext, Materializer } from '../define/materializer';
import type { Registry } from '../define/registry';
import type { EventTaskGateway } from '../define/task-gateway';
import type { BufferedSession } from './buffered-session';
import { WantedRows } from './wanted-rows';

/** What the engine gives to materializers. */
export interface MaterializationScope extends MaterializationContext {
  readonly state: BufferedSession;
  readonly tasks: EventTaskGateway;
}

/**
 * Turns an event into rows and tasks: its materializer first, then the observers in order.
 * Returns nothing where there is nothing to wait for: a promise an event would cost a replay a
 * tenth.
 * @throws Error for a type that no feature knows, and what its materializer throws
 */
export function materialize(
  registry: Registry,
  event: LedgerEvent,
  scope: MaterializationScope,
): void | Promise<void> {
  const { observers } = registry;
  scope.tasks.begin(event);
  const materializer = registry.materializerOf(event.type);
  if (!materializer.needs) return apply(materializer, observers, event, scope);
  const wanted = new WantedRows(scope.state);
  materializer.needs(event, wanted);
  if (wanted.isEmpty) return apply(materializer, observers, event, scope);
  return wanted.load().then(() => apply(materializer, observers, event, scope));
}

function apply(
  materializer: Materializer,
  observers: readonly EventObserver[],
  event: LedgerEvent,
  scope: MaterializationScope,
): void | Promise<void> {
  const applied = materializer.apply(event, scope);
  return applied
    ? applied.then(() => observe(observers, event, scope, 0))
    : observe(observers, event, scope, 0);
}

function observe(
  observers: readonly EventObserver[],
  event: LedgerEvent,
  scope: MaterializationScope,
  from: number,
): void | Promise<void> {
  for (let i = from; i < observers.length; i++) {
    const applied = observers[i]!.apply(event, scope);
    if (applied) return applied.then(() => observe(observers, event, scope, i + 1));
  }
}
