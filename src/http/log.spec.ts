import { DatabaseError } from 'pg';
import { makeLog, safeMessage } from './log';

const SECRET = 'jane@example.org';

/** An error as the driver makes it of a server's answer. */
function databaseError(fields: Partial<DatabaseError> & { message: string }): DatabaseError {
  const error = new DatabaseError(fields.message, 0, 'error');
  return Object.assign(error, { severity: 'ERROR', file: 'x.c', line: '1', ...fields });
}

describe('the log', () => {
  const lines: string[] = [];
  const log = makeLog('info', { write: (line) => void lines.push(line) });
  const logged = (err: unknown) => {
    log.error({ err }, 'it failed');
    return (JSON.parse(lines.at(-1)!) as { err: Record<string, unknown> }).err;
  };

  afterEach(() => expect(lines.join('')).not.toContain(SECRET));

  it('says of a database error what failed where, and nothing of the row', () => {
    const detail = `Failing row contains (1, ${SECRET}).`;
    const message = 'new row for relation "companies" violates check constraint "named"';
    const where = `COPY companies, line 1: "${SECRET}"`;
    const given = { code: '23514', table: 'companies', constraint: 'named', detail, where };
    const error = databaseError({ message, ...given, hint: SECRET, internalQuery: SECRET });
    expect(logged(error)).toEqual({
      type: 'DatabaseError',
      message,
      code: '23514',
      severity: 'ERROR',
      table: 'companies',
      constraint: 'named',
      stack: expect.stringContaining('log.spec') as unknown,
    });
    const outer = logged(new Error('a batch failed', { cause: error }));
    expect(outer).toMatchObject({ message: 'a batch failed', cause: { code: '23514', message } });
  });

  it('says of a value that PostgreSQL refused only that it did', () => {
    const message = `invalid input syntax for type uuid: "${SECRET}"`;
    const error = logged(databaseError({ message, code: '22P02' }));
    expect(error).toMatchObject({ code: '22P02', message: 'PostgreSQL refused a value' });
  });

  it('says nothing of what could not be parsed, or was no argument', () => {
    for (const work of [
      () => JSON.parse(`${SECRET} {`) as unknown,
      () => BigInt(SECRET),
      () => Buffer.alloc(1, SECRET, SECRET as BufferEncoding),
    ]) {
      let thrown: unknown;
      try {
        work();
      } catch (error) {
        thrown = error;
      }
      expect((thrown as Error).message).toContain(SECRET.slice(0, 4));
      expect(logged(thrown)).toMatchObject({ message: 'a value was refused' });
      expect(safeMessage(thrown)).not.toContain(SECRET);
    }
    expect(safeMessage(SECRET)).not.toContain(SECRET);
    expect(safeMessage(new Error('It is ours'))).toBe('It is ours');
  });

  it('takes nothing over that a library puts on its errors', () => {
    const extra = { response: { data: SECRET }, config: { headers: { authorization: SECRET } } };
    const inside = [Object.assign(new Error('no route'), extra), SECRET];
    const error = Object.assign(new AggregateError(inside, 'all failed'), extra, { code: 7 });
    expect(logged(error)).toEqual({
      type: 'AggregateError',
      message: 'all failed',
      code: 7,
      stack: expect.any(String) as unknown,
      errors: [
        { type: 'Error', message: 'no route', stack: expect.any(String) as unknown },
        { type: 'string' },
      ],
    });
    expect(logged(SECRET)).toEqual({ type: 'string' });
  });
});
