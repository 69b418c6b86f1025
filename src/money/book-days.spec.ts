import { BookDays, isTimeZone } from './book-days';

describe('BookDays', () => {
  it.each([
    ['UTC', '2026-01-31T23:59:59.999Z', '2026-01-31'],
    ['Europe/Berlin', '2026-01-31T22:59:59.999Z', '2026-01-31'],
    ['Europe/Berlin', '2026-01-31T23:00:00.000Z', '2026-02-01'],
    // In summer an hour earlier, from the last Sunday in March to that in October.
    ['Europe/Berlin', '2026-03-28T22:30:00.000Z', '2026-03-28'],
    ['Europe/Berlin', '2026-03-29T22:30:00.000Z', '2026-03-30'],
    ['Europe/Berlin', '2026-10-25T22:30:00.000Z', '2026-10-25'],
    ['America/New_York', '2026-03-01T04:59:59.999Z', '2026-02-28'],
    ['Pacific/Kiritimati', '2026-12-31T10:00:00.000Z', '2027-01-01'],
    // Samoa left that day out.
    ['Pacific/Apia', '2011-12-30T09:59:59.000Z', '2011-12-29'],
    ['Pacific/Apia', '2011-12-30T10:00:00.000Z', '2011-12-31'],
    ['Asia/Kathmandu', '2026-01-31T18:15:00.000Z', '2026-02-01'],
    ['UTC', '0001-01-01T00:00:00.000Z', '0001-01-01'],
    ['Europe/Berlin', '9999-12-31T23:59:59.999Z', '9999-12-31'],
  ])('has for %s at %s the day %s', (timeZone, instant, day) => {
    const days = new BookDays(timeZone);
    expect(days.of(instant)).toBe(day);
    expect(days.of(instant)).toBe(day);
  });

  it('takes the names of zones and nothing else', () => {
    for (const name of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Asia/Kolkata']) {
      expect(isTimeZone(name)).toBe(true);
    }
    for (const text of ['', 'Europe/Atlantis', 'Berlin', '+01:00', '-0500', 'UTC+1', '1']) {
      expect(isTimeZone(text)).toBe(false);
    }
  });
});
