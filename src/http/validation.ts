import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import type { FieldError } from '../engine/define/refusal';
import { invalidRequest } from './problem';
import { compileShape, type Shape } from './shape-compiler';

/** Everything that is wrong with a value that should have a shape; unknown fields are. */
export function fieldErrors(shape: Shape, value: unknown): FieldError[] {
  const errors: FieldError[] = [];
  compileShape(shape)(value, errors);
  return errors;
}

/**
 * Checks bodies and queries against the class that the handler declares, and hands on the plain
 * value that came in: nothing is converted, so `"false"` stays a string, and what a creator gets
 * (and fingerprints) is what the caller sent. A shape without fields allows none.
 *
 * The rules are class-validator's, compiled. Its own pipe takes ten times as long, and lets fields
 * through that are named like members of Object.prototype.
 */
export class ValidationPipe implements PipeTransform {
  /** @throws Refusal `validation_failed` */
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' && type !== 'query') return value;
    const shape = metatype as Shape | undefined;
    if (!shape) throw new Error('A handler takes a body or a query without saying its shape');
    // No body at all is an empty object, so that POST …/close needs none.
    const given = value === undefined ? {} : value;
    const errors = fieldErrors(shape, given);
    if (errors.length > 0) throw invalidRequest(...errors);
    return given;
  }
}
