import { checkHandlers, TaskHandlersIncomplete } from './handler-check';

function problemsOf(names: readonly string[], handlers: readonly string[]): readonly string[] {
  try {
    checkHandlers(
      new Set(names),
      handlers.map((name) => ({ name })),
    );
  } catch (error) {
    if (error instanceof TaskHandlersIncomplete) return error.problems;
    throw error;
  }
  return [];
}

describe('the check of the task handlers', () => {
  it('takes one handler for each name, in any order, and no tasks at all', () => {
    expect(problemsOf(['mail', 'upload'], ['upload', 'mail'])).toEqual([]);
    expect(problemsOf([], [])).toEqual([]);
  });

  it('names each task without a handler, each handler without a task, and each second one', () => {
    expect(problemsOf(['mail', 'upload', 'call'], ['mail', 'fax', 'call', 'mail', 'wire'])).toEqual(
      [
        'upload has no handler',
        'no feature declares the task fax',
        'no feature declares the task wire',
        'mail has two handlers',
      ],
    );
  });

  it('says everything in its message', () => {
    expect(() => checkHandlers(new Set(['mail', 'upload']), [])).toThrow(
      'The task handlers are not complete:\n  - mail has no handler\n  - upload has no handler',
    );
  });
});
