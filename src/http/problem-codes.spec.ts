import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { features } from '../features';
import { CORE_PROBLEMS } from './problem-codes';
import { Problems } from './problems';

const SOURCE = join(__dirname, '..');
/** `new Refusal('code', …)`, and a feature's functions that make one of their first argument. */
const REFUSALS = /(?:new Refusal|\brefuse|\brefusalFor)\(\s*'([a-z_]+)'/g;

function refusalCodes(): Map<string, string> {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' });
  const codes = new Map<string, string>();
  for (const file of files) {
    if (!file.endsWith('.ts') || file.endsWith('.spec.ts')) continue;
    const text = readFileSync(join(SOURCE, file), 'utf8');
    for (const [, code] of text.matchAll(REFUSALS)) codes.set(code!, file);
  }
  return codes;
}

describe('the problems of the program', () => {
  const codes = refusalCodes();
  const problems = new Problems(features);

  it('have a status for every code that the program refuses with', () => {
    expect([...codes].filter(([code]) => !problems.has(code))).toEqual([]);
  });

  it('are all refused with', () => {
    const declared = features.flatMap((feature) => Object.keys(feature.problems));
    expect(declared.length).toBeGreaterThan(20);
    expect(declared.filter((code) => !codes.has(code))).toEqual([]);
  });

  it('were compared with the codes of the books', () => {
    expect([...codes.keys()]).toEqual(
      expect.arrayContaining(['insufficient_funds', 'client_id_taken', 'zero_amount']),
    );
  });

  it('have the statuses that the API promises', () => {
    const byStatus = Object.groupBy(Object.keys(CORE_PROBLEMS), (c) => problems.statusOf(c));
    expect(byStatus).toEqual({
      400: ['validation_failed'],
      401: ['unauthorized'],
      403: ['forbidden'],
      404: ['not_found'],
      405: ['method_not_allowed'],
      408: ['request_timeout'],
      409: ['client_id_taken'],
      412: ['version_mismatch'],
      413: ['payload_too_large'],
      415: ['unsupported_media_type'],
      422: ['idempotency_key_reused'],
      429: ['too_many_requests'],
      431: ['headers_too_large'],
      500: ['internal_error'],
      503: ['ledger_unavailable'],
    });
    expect(problems.statusOf('already_reversed')).toBe(409);
    expect(problems.statusOf('insufficient_funds')).toBe(422);
  });
});

describe('the table of problems', () => {
  const kind = { status: 422, title: 'The box is full' };
  const notes = { name: 'notes', problems: { box_full: kind } };
  const refusal = { code: 'box_full', detail: 'There are 3 notes in it', details: { index: 2 } };

  it('says of a refusal what its feature declares', () => {
    expect(new Problems([notes]).of(refusal, '/v1/notes')).toEqual({
      type: '/problems/box_full',
      title: 'The box is full',
      status: 422,
      detail: 'There are 3 notes in it',
      instance: '/v1/notes',
      code: 'box_full',
      index: 2,
    });
  });

  it.each(['no_such_code', 'toString'])('takes %s for an internal error', (code) => {
    expect(new Problems([notes]).of({ ...refusal, code }, '/')).toMatchObject({
      code: 'internal_error',
      status: 500,
    });
  });

  it('is sorted by status and name, whatever the order of the features', () => {
    const boxes = { name: 'boxes', problems: { no_box: { status: 409, title: 'x' } } };
    const { codes } = new Problems([notes, boxes]);
    expect(codes).toEqual(new Problems([boxes, notes]).codes);
    expect(codes.slice(6, 13)).toEqual([
      'client_id_taken',
      'no_box',
      'version_mismatch',
      'payload_too_large',
      'unsupported_media_type',
      'box_full',
      'idempotency_key_reused',
    ]);
  });

  it('refuses what is declared twice, is no code, or is the fault of the server', () => {
    const wrong = [
      notes,
      { name: 'boxes', problems: { box_full: kind, 'Box-full': kind } },
      { name: 'lids', problems: { not_found: kind, lid_lost: { status: 500, title: 'x' } } },
    ];
    expect(() => new Problems(wrong)).toThrow(
      [
        'The problems do not fit:',
        '  - boxes declares box_full, which is declared already',
        '  - boxes declares "Box-full", which is no code',
        '  - lids declares not_found, which is declared already',
        '  - lids declares lid_lost as 500',
      ].join('\n'),
    );
  });
});
