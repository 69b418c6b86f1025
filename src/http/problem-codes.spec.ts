import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROBLEM_KINDS, problemCode } from './problem-codes';

const SOURCE = join(__dirname, '..');
/** `new Refusal('code', …)`, and a feature's function that makes one of its first argument. */
const REFUSALS = /(?:new Refusal|\brefuse)\(\s*'([a-z_]+)'/g;

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

describe('the table of problems', () => {
  const codes = refusalCodes();

  it('has a status for every code that the program refuses with', () => {
    const missing = [...codes].filter(([code]) => !Object.hasOwn(PROBLEM_KINDS, code));
    expect(missing).toEqual([]);
  });

  it('was compared with the codes of the books', () => {
    expect([...codes.keys()]).toEqual(
      expect.arrayContaining(['insufficient_funds', 'client_id_taken', 'zero_amount']),
    );
  });

  it('has the statuses that the API promises', () => {
    const statuses = Object.entries(PROBLEM_KINDS).map(([code, { status }]) => [status, code]);
    expect(Object.groupBy(statuses, ([status]) => String(status))).toMatchObject({
      400: [[400, 'validation_failed']],
      401: [[401, 'unauthorized']],
      403: [[403, 'forbidden']],
      404: [[404, 'not_found']],
      413: [[413, 'payload_too_large']],
      415: [[415, 'unsupported_media_type']],
      429: [[429, 'too_many_requests']],
      500: [[500, 'internal_error']],
      503: [[503, 'ledger_unavailable']],
    });
    expect(PROBLEM_KINDS.client_id_taken.status).toBe(409);
    expect(PROBLEM_KINDS.already_reversed.status).toBe(409);
    expect(PROBLEM_KINDS.idempotency_key_reused.status).toBe(422);
    expect(PROBLEM_KINDS.insufficient_funds.status).toBe(422);
  });

  it('takes an unknown code, also one that objects have, for an internal error', () => {
    expect(problemCode('no_such_code')).toBe('internal_error');
    expect(problemCode('toString')).toBe('internal_error');
  });
});
