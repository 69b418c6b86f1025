import { HeldBack } from './held-back';

function connection() {
  return { destroy: jest.fn() };
}

describe('answers to those who send too much', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('are held back for a while, up to a thousand of them', () => {
    const heldBack = new HeldBack();
    const given: number[] = [];
    const ask = (i: number) => heldBack.add(connection(), 1_000, () => given.push(i));
    for (let i = 0; i < 1_000; i++) ask(i);
    expect(given).toEqual([]);
    ask(1_000);
    expect(given).toEqual([1_000]);
    jest.advanceTimersByTime(999);
    expect(given).toHaveLength(1);
    jest.advanceTimersByTime(1);
    expect(given).toHaveLength(1_001);
    ask(1_001);
    expect(given).toHaveLength(1_001);
    jest.advanceTimersByTime(1_000);
    expect(given).toHaveLength(1_002);
  });

  it('are one of a connection, which is closed where more is sent meanwhile', () => {
    const heldBack = new HeldBack();
    const one = connection();
    const given: string[] = [];
    heldBack.add(one, 1_000, () => given.push('first'));
    expect(one.destroy).not.toHaveBeenCalled();
    heldBack.add(one, 1_000, () => given.push('second'));
    expect(one.destroy).toHaveBeenCalledTimes(1);
    expect(given).toEqual(['second']);
    jest.advanceTimersByTime(1_000);
    expect(given).toEqual(['second', 'first']);
    heldBack.add(one, 1_000, () => given.push('third'));
    expect(given).toHaveLength(2);
  });
});
