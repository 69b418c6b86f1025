import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { FieldError } from '../engine/define/refusal';
import { isCalendarDate } from '../money/calendar-date';
import { readInstant } from '../money/instant';
import { eventSchemas } from './event-schemas';

/** Problems that are listed; more of them help nobody. */
const MAX_PROBLEMS = 50;

const ajv = addFormats(new Ajv({ allErrors: true, allowUnionTypes: true }));
// As the API takes them. The packaged formats let the year 0 through, which PostgreSQL gives back
// as 1 BC, and leap seconds, which it gives back as the next minute.
ajv.addFormat('date', isCalendarDate);
ajv.addFormat('date-time', (text: string) => readInstant(text) !== undefined);
const compiled = new Map<object, ValidateFunction>();

/**
 * Everything that keeps data from being that of an event of a type and version: its fields, their
 * types and how they are written. Whether it makes sense in the books the schema does not know.
 * @returns JSON pointers into the data, each with what is wrong there; empty where it fits
 */
export function validateEventData(type: string, version: number, data: unknown): FieldError[] {
  const versions = Object.hasOwn(eventSchemas, type) ? eventSchemas[type] : undefined;
  const schema = versions?.[version];
  if (!schema) return [{ pointer: '', message: `has no schema: ${type} version ${version}` }];
  let validate = compiled.get(schema);
  if (!validate) compiled.set(schema, (validate = ajv.compile(schema)));
  return validate(data) ? [] : problemsOf(validate.errors ?? []);
}

/** One problem for each place, although a schema with alternatives reports every one of them. */
function problemsOf(errors: readonly ErrorObject[]): FieldError[] {
  const places = Map.groupBy(
    errors.filter((error) => error.keyword !== 'anyOf'),
    pointerOf,
  );
  return [...places].slice(0, MAX_PROBLEMS).map(([pointer, there]) => {
    const hasFormat = there.some((error) => error.keyword === 'format');
    // A pattern says no more than the name of the format does.
    const told = there.filter((error) => !(hasFormat && error.keyword === 'pattern'));
    return { pointer, message: [...new Set(told.map(messageOf))].join(' or ') };
  });
}

function pointerOf({ instancePath, params }: ErrorObject): string {
  const { missingProperty, additionalProperty } = params as Record<string, string | undefined>;
  const field = missingProperty ?? additionalProperty;
  if (field === undefined) return instancePath;
  return `${instancePath}/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function messageOf({ keyword, message, params }: ErrorObject): string {
  if (keyword === 'required') return 'is missing';
  if (keyword === 'additionalProperties') return 'is not known';
  if (keyword === 'enum') {
    return `must be one of ${(params as { allowedValues: string[] }).allowedValues.join(', ')}`;
  }
  return message ?? 'is not valid';
}
