/** HTTP status and title of a problem. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

/**
 * Every code that the API answers with, its status and its title. The only place where a refusal
 * of the ledger meets HTTP; a spec fails where the program refuses with a code that is not here.
 */
export const PROBLEM_KINDS = {
  validation_failed: { status: 400, title: 'The request is not valid' },
  unauthorized: { status: 401, title: 'An API key is needed' },
  forbidden: { status: 403, title: 'The API key does not allow this' },
  not_found: { status: 404, title: 'There is no such thing' },
  client_id_taken: { status: 409, title: 'The clientId is taken' },
  already_reversed: { status: 409, title: 'The transaction is reversed already' },
  already_accrued: { status: 409, title: 'The days are accrued already' },
  order_not_open: { status: 409, title: 'The order is settled or cancelled already' },
  account_already_closed: { status: 409, title: 'The account is closed already' },
  webhook_already_disabled: { status: 409, title: 'The subscription is disabled already' },
  webhook_already_active: { status: 409, title: 'The subscription is active already' },
  task_not_failed: { status: 409, title: 'The task has not failed' },
  task_under_way: { status: 409, title: 'The task is under way' },
  run_not_active: { status: 409, title: 'The run has ended already' },
  replay_in_progress: { status: 409, title: 'Another replay or verification is under way' },
  no_way_back: { status: 409, title: 'There is no state to swap back to' },
  replay_differs: { status: 409, title: 'The rebuilt state differs from the live one' },
  log_not_whole: { status: 409, title: 'The log is not what was written' },
  payload_too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  idempotency_key_reused: { status: 422, title: 'The key was used for another request' },
  unbalanced_transaction: { status: 422, title: 'Debits and credits differ' },
  account_not_found: { status: 422, title: 'There is no such account' },
  company_not_found: { status: 422, title: 'There is no such company' },
  account_closed: { status: 422, title: 'The account is closed' },
  account_not_eligible: { status: 422, title: 'The account is of another type or currency' },
  insufficient_funds: { status: 422, title: 'The balance would fall below its minimum' },
  balance_limit_exceeded: { status: 422, title: 'The balance would rise above its maximum' },
  zero_amount: { status: 422, title: 'A posting has no amount' },
  currency_mismatch: { status: 422, title: 'The accounts have different currencies' },
  limit_exceeded: { status: 422, title: "The amount is above the order's limit" },
  limit_not_reached: { status: 422, title: "The amount is below the order's limit" },
  fee_exceeds_proceeds: { status: 422, title: 'The fee is more than the sale brought' },
  account_not_empty: { status: 422, title: 'The account has a balance' },
  webhook_limit_reached: { status: 422, title: 'Too many webhook subscriptions are active' },
  event_not_amendable: { status: 422, title: 'The event cannot be amended' },
  nothing_to_amend: { status: 422, title: 'The event has this data already' },
  amendment_not_materializable: { status: 422, title: 'An event could not be materialized' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  internal_error: { status: 500, title: 'Something unforeseen happened' },
  ledger_unavailable: { status: 503, title: 'The ledger cannot answer now' },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEM_KINDS;

/** The kind of a code; a code that nobody foresaw is an internal error. */
export function problemCode(code: string): ProblemCode {
  return Object.hasOwn(PROBLEM_KINDS, code) ? (code as ProblemCode) : 'internal_error';
}
