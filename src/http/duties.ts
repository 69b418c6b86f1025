/** What a process does for the ledger, alone or beside others. */
export abstract class Duties {
  /** Answers requests, and not only about its health. */
  abstract readonly servesApi: boolean;
  /** Hands tasks over to the queue. */
  abstract readonly handsOver: boolean;
  /** Does tasks, verifications and replays, and keeps the schedules. */
  abstract readonly works: boolean;
}

/** What a process with a `ROLE` does. */
export function dutiesOf(role: 'api' | 'worker' | 'all'): Duties {
  return { servesApi: role !== 'worker', handsOver: true, works: role !== 'api' };
}
