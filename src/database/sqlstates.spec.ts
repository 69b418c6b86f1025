import { allDone, isRowRefused, isServerTrouble, sqlstateOf } from './sqlstates';

const failed = (code: unknown) => Object.assign(new Error('it failed'), { code });

describe('sqlstateOf', () => {
  it('reads the code of an error that PostgreSQL reported', () => {
    expect(sqlstateOf(failed('23505'))).toBe('23505');
    expect(sqlstateOf(failed('57P01'))).toBe('57P01');
  });

  it.each([failed('ECONNRESET'), failed('EPIPE'), failed(23505), failed(''), new Error(), null, 1])(
    'finds none in %s',
    (error) => {
      expect(sqlstateOf(error)).toBeUndefined();
    },
  );
});

describe('isServerTrouble', () => {
  it.each(['08006', '25006', '28000', '28P01', '3D000', '40P01', '53100', '57P01', '58030'])(
    'blames the server for %s',
    (code) => {
      expect(isServerTrouble(failed(code))).toBe(true);
    },
  );

  it.each(['22P02', '23505', '42501', '42P01', 'ECONNRESET'])('blames no server for %s', (code) => {
    expect(isServerTrouble(failed(code))).toBe(false);
  });
});

describe('isRowRefused', () => {
  it.each(['23505', '23503', '23514', '23502', '22001', '22P02', '22003', '22P05'])(
    'blames a row for %s',
    (code) => {
      expect(isRowRefused(failed(code))).toBe(true);
    },
  );

  it.each([
    '25P02',
    '40001',
    '40P01',
    '53300',
    '55P03',
    '57014',
    '57P01',
    '08006',
    '42501',
    'XX000',
  ])('does not blame a row for %s', (code) => {
    expect(isRowRefused(failed(code))).toBe(false);
  });

  it('does not blame a row for a broken connection', () => {
    expect(isRowRefused(failed('ECONNRESET'))).toBe(false);
    expect(isRowRefused(new Error('Connection terminated unexpectedly'))).toBe(false);
  });
});

describe('allDone', () => {
  it('waits for all, and throws what was refused and not what followed from it', async () => {
    await expect(allDone([Promise.resolve(1), Promise.resolve()])).resolves.toBeUndefined();
    const sent = [failed('25P02'), failed('23505'), failed('25P02')].map((e) => Promise.reject(e));
    await expect(allDone(sent)).rejects.toMatchObject({ code: '23505' });
    const others = [failed('57P01'), failed('25P02')].map((e) => Promise.reject(e));
    await expect(allDone(others)).rejects.toMatchObject({ code: '57P01' });
  });
});
