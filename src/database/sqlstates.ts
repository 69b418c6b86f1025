/**
 * SQLSTATEs that the program tells apart.
 * https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
export const SQLSTATE = {
  lockNotAvailable: '55P03',
  uniqueViolation: '23505',
  insufficientPrivilege: '42501',
  duplicateObject: '42710',
  duplicateDatabase: '42P04',
  undefinedTable: '42P01',
  invalidCatalogName: '3D000',
  readOnly: '25006',
  diskFull: '53100',
} as const;

/** The error's SQLSTATE, or undefined for an error that PostgreSQL did not report. */
export function sqlstateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  // Every SQLSTATE has a digit; EPIPE and other errors of sockets have none.
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * SQLSTATE classes that say the server, not the statement, is the trouble. 28 is a login that is
 * not let in any longer: its password was changed under a service that runs.
 */
const SERVER_CLASSES = ['08', '25', '28', '40', '53', '55', '57', '58', 'XX'];

/** Whether the server is in trouble (a full disk, a shutdown): the same may succeed later. */
export function isServerTrouble(error: unknown): boolean {
  const state = sqlstateOf(error);
  if (state === undefined) return false;
  return SERVER_CLASSES.includes(state.slice(0, 2)) || state === SQLSTATE.invalidCatalogName;
}

/**
 * Whether a row that a command wrote was refused: class 22 (data exception) and class 23
 * (integrity constraint violation). Such an error belongs to one command of a batch; all others
 * belong to the connection or the server.
 */
export function isRowRefused(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state !== undefined && (state.startsWith('22') || state.startsWith('23'));
}

/**
 * Waits for statements that were sent one after the other. After a refused row the server does
 * none of the others, and their errors may be heard first: what is thrown is the cause.
 */
export async function allDone(sent: readonly Promise<unknown>[]): Promise<void> {
  const answers = await Promise.allSettled(sent);
  const errors = answers.flatMap((a) => (a.status === 'rejected' ? [a.reason as unknown] : []));
  if (errors.length > 0) throw errors.find(isRowRefused) ?? errors[0];
}
