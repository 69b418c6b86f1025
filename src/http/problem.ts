import { HttpException } from '@nestjs/common';
import { describeFailure, isUnavailable } from '../engine/write/failures';
import {
  LedgerUnavailable,
  Refusal,
  type FieldError,
  type RefusalDetails,
} from '../engine/define/refusal';
import type { CoreProblemCode } from './problem-codes';
import { isError } from '../database/errors';

/** The body of every error, as RFC 9457 has it, with the ledger's own members. */
export interface Problem extends RefusalDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The path of the request. */
  readonly instance: string;
  readonly code: string;
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';
/** What a caller is asked to wait before it tries again, in seconds. */
export const RETRY_AFTER_S = 1;

/** A refusal for things that are wrong with the request itself. */
export function invalidRequest(...errors: FieldError[]): Refusal {
  return new Refusal('validation_failed', 'The request is not valid', { errors });
}

/** The refusal that an error of any kind comes to. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof LedgerUnavailable) return new Refusal('ledger_unavailable', error.message);
  const status = clientErrorStatus(error);
  if (status !== undefined) return refusalOfStatus(status, error as Error);
  if (isUnavailable(error)) return new Refusal('ledger_unavailable', describeFailure(error));
  return new Refusal('internal_error', 'The error was logged under the id of this request');
}

/** The status of an error of the framework that says the request was at fault. */
function clientErrorStatus(error: unknown): number | undefined {
  if (error instanceof HttpException) return asClientError(error.getStatus());
  if (!isError(error) || !('statusCode' in error)) return undefined;
  return asClientError(error.statusCode);
}

function asClientError(status: unknown): number | undefined {
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

const CODE_OF_STATUS: Readonly<Record<number, CoreProblemCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'payload_too_large',
  // A path that is longer than any of ours.
  414: 'not_found',
  415: 'unsupported_media_type',
  429: 'too_many_requests',
  431: 'headers_too_large',
};

function refusalOfStatus(status: number, error: Error): Refusal {
  const code = CODE_OF_STATUS[status];
  if (code !== undefined) return new Refusal(code, error.message);
  return invalidRequest({ pointer: '', message: error.message });
}
