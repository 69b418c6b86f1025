import type { TaskHandler } from '../../engine/define/task-handler';

/** Task names and handlers do not fit together; every problem is listed. No process must start. */
export class TaskHandlersIncomplete extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The task handlers are not complete:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
  }
}

/**
 * Every task name has exactly one handler, and every handler a name that some feature declares.
 * @throws TaskHandlersIncomplete naming each that does not
 */
export function checkHandlers(
  names: ReadonlySet<string>,
  handlers: readonly Pick<TaskHandler, 'name'>[],
): void {
  const handled = handlers.map((h) => h.name);
  const problems = [
    ...[...names].filter((n) => !handled.includes(n)).map((n) => `${n} has no handler`),
    ...handled.filter((n) => !names.has(n)).map((n) => `no feature declares the task ${n}`),
    ...handled.filter((n, i) => handled.indexOf(n) !== i).map((n) => `${n} has two handlers`),
  ];
  if (problems.length > 0) throw new TaskHandlersIncomplete(problems);
}
