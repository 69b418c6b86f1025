import type { Reply } from './caller';
import { makeLog } from './log';
import { ProblemFilter } from './problem.filter';
import { Problems } from './problems';

/** A database that is away, as Node says it. */
function away(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

describe('what is logged of requests that a database did not answer', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const asked = () => {
    const lines: { err: { message: string }; unsaid?: number }[] = [];
    const write = (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[0]);
    const filter = new ProblemFilter(new Problems([]), makeLog('info', { write }));
    const reply = { sent: true, header: () => undefined } as unknown as Reply;
    const answer = (error: Error) => filter.answer(error, { id: 'r', url: '/v1/accounts' }, reply);
    return { lines, answer };
  };

  it('is one line a second of a kind, which says how many there were besides', () => {
    const { lines, answer } = asked();
    for (let i = 0; i < 500; i++) answer(away('ECONNREFUSED'));
    answer(away('ECONNRESET'));
    expect(lines.map(({ err }) => err.message)).toEqual([
      'connect ECONNREFUSED',
      'connect ECONNRESET',
    ]);
    jest.advanceTimersByTime(1_000);
    answer(away('ECONNREFUSED'));
    answer(away('ECONNRESET'));
    expect(lines.slice(2).map(({ unsaid }) => unsaid)).toEqual([499, undefined]);
  });

  it('is all of it where nobody foresaw the error', () => {
    const { lines, answer } = asked();
    for (let i = 0; i < 3; i++) answer(new TypeError('x is not a function'));
    expect(lines).toHaveLength(3);
  });
});
