import { uuidV7 } from './ids';

describe('uuidV7', () => {
  it('has the time in front, and none that it cannot have', () => {
    expect(uuidV7(0)).toMatch(/^00000000-0000-7/);
    expect(uuidV7(2 ** 48 - 1)).toMatch(/^ffffffff-ffff-7/);
    for (const ms of [-1, 2 ** 48, 1.5, NaN]) expect(() => uuidV7(ms)).toThrow('No UUID');
  });
});
