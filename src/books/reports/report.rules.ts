import { invalidRequest } from '../../http/problem';

/**
 * That days do not end before they begin.
 * @param pointer the field that is at fault
 * @throws Refusal `validation_failed`
 */
export function checkDays(
  { from, to }: { readonly from?: string | undefined; readonly to?: string | undefined },
  pointer = '/to',
): void {
  if (from === undefined || to === undefined || from <= to) return;
  const message = pointer === '/to' ? 'must not be before from' : 'must not be after the last day';
  throw invalidRequest({ pointer, message });
}
