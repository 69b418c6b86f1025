import { restBeside } from './open-readers';

describe('the rest after an expensive read', () => {
  let position = 0;
  const ended = (rest: ReturnType<typeof restBeside>, tookMs: number, events: number) => {
    const begun = rest();
    position += events;
    return begun(tookMs);
  };

  it('is none on an idle ledger', () => {
    const rest = restBeside(() => position);
    expect(ended(rest, 1_000, 0)).toBe(0);
    expect(ended(rest, 1_000, 400)).toBe(0);
  });

  it('is half of the time that it took beside busy writers, and two seconds at most', () => {
    const rest = restBeside(() => position);
    expect(ended(rest, 1_000, 2_000)).toBe(500);
    expect(ended(rest, 60_000, 120_000)).toBe(2_000);
  });

  it('stays where the writers are starved by the reads, and ends where they have ended', () => {
    const rest = restBeside(() => position);
    expect(ended(rest, 1_000, 4_000)).toBe(500);
    expect(ended(rest, 1_000, 100)).toBe(500);
    expect(ended(rest, 1_000, 100)).toBe(500);
    expect(ended(rest, 1_000, 0)).toBe(0);
    expect(ended(rest, 1_000, 0)).toBe(0);
  });
});
