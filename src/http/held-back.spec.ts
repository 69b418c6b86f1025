import { HeldBack } from './held-back';

describe('answers to those who send too much', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('are held back for a second, up to a thousand of them', () => {
    const heldBack = new HeldBack();
    const given: number[] = [];
    for (let i = 0; i < 1_000; i++) heldBack.add(() => given.push(i));
    expect(given).toEqual([]);
    heldBack.add(() => given.push(1_000));
    expect(given).toEqual([1_000]);
    jest.advanceTimersByTime(999);
    expect(given).toHaveLength(1);
    jest.advanceTimersByTime(1);
    expect(given).toHaveLength(1_001);
    heldBack.add(() => given.push(1_001));
    expect(given).toHaveLength(1_001);
    jest.advanceTimersByTime(1_000);
    expect(given).toHaveLength(1_002);
  });
});
