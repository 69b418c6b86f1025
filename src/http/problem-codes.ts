import type { ProblemKind } from '../engine/define/feature';

/** The codes that are of no feature: what any request may be answered. */
export const CORE_PROBLEMS = {
  validation_failed: { status: 400, title: 'The request is not valid' },
  unauthorized: { status: 401, title: 'An API key is needed' },
  forbidden: { status: 403, title: 'The API key does not allow this' },
  not_found: { status: 404, title: 'There is no such thing' },
  method_not_allowed: { status: 405, title: 'The path has no such method' },
  request_timeout: { status: 408, title: 'The request came too slowly' },
  client_id_taken: { status: 409, title: 'The clientId is taken' },
  version_mismatch: { status: 412, title: 'It has another version by now' },
  payload_too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  idempotency_key_reused: { status: 422, title: 'The key was used for another request' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal_error: { status: 500, title: 'Something unforeseen happened' },
  ledger_unavailable: { status: 503, title: 'The ledger cannot answer now' },
} as const satisfies Record<string, ProblemKind>;

export type CoreProblemCode = keyof typeof CORE_PROBLEMS;
