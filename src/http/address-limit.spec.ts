import { AddressLimit } from './address-limit';

const PER_SECOND = 10;

/** A limit, and its clock in milliseconds. */
function startLimit() {
  const clock = { now: 0 };
  const limit = new AddressLimit(PER_SECOND, () => clock.now);
  /** How many of so many requests go on. */
  const passed = (address: string, count: number) =>
    Array.from({ length: count }, () => limit.take(address)).filter(Boolean).length;
  return { clock, limit, passed };
}

describe('the limit of an address', () => {
  it('is so many a second, and as many at once', () => {
    const { clock, passed } = startLimit();
    expect(passed('192.0.2.1', 100)).toBe(PER_SECOND);
    clock.now += 500;
    expect(passed('192.0.2.1', 100)).toBe(PER_SECOND / 2);
    clock.now += 3_600_000;
    expect(passed('192.0.2.1', 100)).toBe(PER_SECOND);
  });

  it('is its own', () => {
    const { passed } = startLimit();
    expect(passed('192.0.2.1', 100)).toBe(PER_SECOND);
    expect(passed('192.0.2.2', 100)).toBe(PER_SECOND);
    expect(passed('::ffff:192.0.2.3', 100)).toBe(PER_SECOND);
    expect(passed('::ffff:192.0.2.4', 100)).toBe(PER_SECOND);
  });

  it('is that of its network where it is of version 6', () => {
    const { passed } = startLimit();
    expect(passed('2001:db8:0:1::1', 100)).toBe(PER_SECOND);
    expect(passed('2001:db8:0:1:a:b:c:d', 100)).toBe(0);
    expect(passed('2001:db8::1:0:0:0:2', 100)).toBe(0);
    expect(passed('2001:db8:0:2::1', 100)).toBe(PER_SECOND);
    expect(passed('::1', 100)).toBe(PER_SECOND);
  });

  it('makes wait for what counts for many', () => {
    const { clock, limit, passed } = startLimit();
    expect(limit.take('192.0.2.1', 2 * PER_SECOND)).toBe(true);
    clock.now += 1_000;
    expect(passed('192.0.2.1', 1)).toBe(0);
    clock.now += 1_000;
    expect(passed('192.0.2.1', 100)).toBe(PER_SECOND);
  });

  it('remembers the last ten thousand', () => {
    const { passed } = startLimit();
    expect(passed('192.0.2.1', 100)).toBe(PER_SECOND);
    for (let i = 0; i < 9_999; i++) passed(`10.0.${i >> 8}.${i & 255}`, 1);
    expect(passed('192.0.2.1', 100)).toBe(0);
    for (let i = 0; i < 10_000; i++) passed(`10.1.${i >> 8}.${i & 255}`, 1);
    expect(passed('192.0.2.1', 100)).toBe(PER_SECOND);
  });
});
