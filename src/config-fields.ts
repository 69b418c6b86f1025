import { getNextMillis } from 'bullmq';
import {
  IsBoolean,
  IsIn,
  IsInstance,
  IsInt,
  IsString,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateNested,
  validateSync,
  type ValidationArguments,
  type ValidationError,
  type ValidationOptions,
} from 'class-validator';
import { resolve } from 'node:path';
import { isTimeZone } from './money/book-days';

export type Environment = Readonly<Record<string, string | undefined>>;
type SettingsClass = new () => object;

/** How one field comes out of the environment. */
interface Reading {
  readonly variables: () => readonly string[];
  /** @param group the object that the field is of, with the fields that are declared before it */
  readonly read: (env: Environment, group: object) => unknown;
}

/** Where a field comes from, and what it is where nothing is set. */
interface Variable<T> {
  readonly variable: string;
  readonly default?: T | ((group: never) => T | undefined);
}

const readings = new Map<object, Map<string, Reading>>();

function readingsOf(prototype: object): Map<string, Reading> {
  const known = readings.get(prototype) ?? new Map<string, Reading>();
  readings.set(prototype, known);
  return known;
}

/** An empty variable is none, as .env files and containers give them. */
function textOf(env: Environment, variable: string): string | undefined {
  return env[variable]?.trim() || undefined;
}

/** An object of the class, with each field read from its variable and nothing checked. */
export function readSettings<T extends object>(type: new () => T, env: Environment): T {
  const group = new type();
  for (const [key, { read }] of readingsOf(type.prototype as object)) {
    Object.assign(group, { [key]: read(env, group) });
  }
  return group;
}

/** A sentence for each thing that is wrong with settings, each once. */
export function problemsOf(settings: object): string[] {
  return [...new Set(messagesOf(validateSync(settings)))];
}

function messagesOf(errors: readonly ValidationError[]): string[] {
  return errors.flatMap(({ constraints = {}, children = [] }) => [
    ...Object.values(constraints),
    ...messagesOf(children),
  ]);
}

/**
 * A field that is read from one variable. What cannot be parsed stays the text that it was, so that
 * the rules refuse it and can say what it is.
 */
function setting<T>(
  { variable, default: byDefault }: Variable<T>,
  parse: (text: string) => unknown,
  ...rules: readonly PropertyDecorator[]
): PropertyDecorator {
  const fallback = (group: object) =>
    byDefault instanceof Function ? byDefault(group as never) : byDefault;
  return (prototype, key) => {
    readingsOf(prototype).set(String(key), {
      variables: () => [variable],
      read: (env, group) => {
        const text = textOf(env, variable);
        return text === undefined ? fallback(group) : parse(text);
      },
    });
    for (const rule of rules) rule(prototype, key);
  };
}

/** Rules hold for what is set; {@link Needed} is the one for what is not. */
function whereSet(message: ValidationOptions['message']): ValidationOptions {
  return { message: message!, validateIf: (_: object, value: unknown) => value !== undefined };
}

/** Says what was found as well, for values that are no secrets. */
function notThis(problem: string): (args: ValidationArguments) => string {
  return ({ value }) => `${problem}, not "${String(value)}"`;
}

function acceptedBy(name: string, isValid: (text: string) => boolean, message: string) {
  const validate = (value: unknown) => typeof value === 'string' && isValid(value);
  return ValidateBy({ name, validator: { validate } }, whereSet(message));
}

/** Any text. */
export function PlainText(from: Variable<string>): PropertyDecorator {
  return setting(from, (text) => text, IsString(whereSet(`${from.variable} must be text`)));
}

/** The path of a folder, as an absolute one. */
export function Folder(from: Variable<string>): PropertyDecorator {
  const { variable, default: byDefault } = from;
  const read = { variable, ...(typeof byDefault === 'string' && { default: resolve(byDefault) }) };
  const rule = IsString(whereSet(`${variable} must be a path`));
  return setting(read, (text) => resolve(text), rule);
}

/** A whole number. */
export function Integer(
  from: Variable<number> & { readonly min: number; readonly max: number },
): PropertyDecorator {
  const { variable, min, max } = from;
  const options = whereSet(notThis(`${variable} must be a whole number from ${min} to ${max}`));
  return setting(
    from,
    (text) => (/^\d{1,15}$/.test(text) ? Number(text) : text),
    ...[IsInt(options), Min(min, options), Max(max, options)],
  );
}

/** A whole number; undefined where it is `off`. */
export function IntegerOrOff(
  from: Variable<number> & { readonly min: number; readonly max: number },
): PropertyDecorator {
  const { variable, min, max } = from;
  const form = `a whole number from ${min} to ${max}, or off`;
  const options = whereSet(notThis(`${variable} must be ${form}`));
  return setting(
    from,
    (text) => (text === 'off' ? undefined : /^\d{1,15}$/.test(text) ? Number(text) : text),
    ...[IsInt(options), Min(min, options), Max(max, options)],
  );
}

/** One of a few words. */
export function Choice(
  from: Variable<string> & { readonly values: readonly string[] },
): PropertyDecorator {
  const { variable, values } = from;
  const options = whereSet(notThis(`${variable} must be one of ${values.join(', ')}`));
  return setting(from, (text) => text, IsIn(values, options));
}

/** `true` or `false`; false where nothing is set. */
export function Flag({ variable }: Variable<boolean>): PropertyDecorator {
  const options = whereSet(notThis(`${variable} must be one of true, false`));
  const parse = (text: string) => (/^(true|false)$/.test(text) ? text === 'true' : text);
  return setting({ variable, default: false }, parse, IsBoolean(options));
}

/** The address of a database. It may hold a password, so it is not repeated. */
export function DatabaseUrl(from: Variable<string>): PropertyDecorator {
  const isUrl = (text: string) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text);
  const message = `${from.variable} must be a URL of the form postgresql://user:password@host/name`;
  return setting(from, (text) => text, acceptedBy('databaseUrl', isUrl, message));
}

/** A URL of certain protocols. It may hold a password, so it is not repeated. */
export function Url(
  from: Variable<string> & { readonly protocols: readonly string[]; readonly form: string },
): PropertyDecorator {
  const { variable, protocols, form } = from;
  const isUrl = (text: string) => {
    const url = URL.parse(text);
    return url !== null && protocols.includes(url.protocol) && url.hostname !== '';
  };
  const message = `${variable} must be a URL of the form ${form}`;
  return setting(from, (text) => text, acceptedBy('url', isUrl, message));
}

interface Pattern {
  readonly pattern: RegExp;
  /** What must match, in words. */
  readonly form: string;
}

/** A text that must match; it may be a secret, so it is not repeated. */
export function Matching(from: Variable<string> & Pattern): PropertyDecorator {
  const { variable, pattern, form } = from;
  return setting(from, (text) => text, Matches(pattern, whereSet(`${variable} must be ${form}`)));
}

/** Texts with commas between that must match, each. */
export function ListMatching(from: Variable<string> & Pattern): PropertyDecorator {
  const { variable, pattern, form } = from;
  const options = { ...whereSet(`${variable} must be ${form}`), each: true };
  const parse = (text: string) => text.split(',').map((item) => item.trim());
  return setting(from, parse, Matches(pattern, options));
}

/** A key of 32 bytes. */
export function Key(from: Variable<Uint8Array>): PropertyDecorator {
  const message = `${from.variable} must be 32 bytes, as 64 hexadecimal digits or in base64`;
  const parse = (text: string) => {
    if (!/^([\da-f]{64}|[a-z\d+/_-]{43}=?)$/i.test(text)) return text;
    return Buffer.from(text, text.length === 64 ? 'hex' : 'base64');
  };
  return setting(from, parse, IsInstance(Uint8Array, whereSet(message)));
}

/** A cron pattern, in UTC; undefined where it is `off`. */
export function Schedule(from: Variable<string> & { readonly default: string }): PropertyDecorator {
  const form = `a cron pattern of five or six fields such as "${from.default}", or "off"`;
  const message = notThis(`${from.variable} must be ${form}`);
  const validate = (value: unknown) => typeof value === 'string' && isSchedule(value);
  return setting(
    from,
    (text) => (text === 'off' ? undefined : text),
    ValidateBy({ name: 'schedule', validator: { validate } }, whereSet(message)),
  );
}

/** Whether a pattern is one, and there is a next time. */
function isSchedule(pattern: string): boolean {
  if (!/^\S+( +\S+){4,5}$/.test(pattern)) return false;
  try {
    return getNextMillis(Date.now(), { pattern, tz: 'UTC' }) !== undefined;
  } catch {
    return false;
  }
}

/** The name of a time zone that Intl knows. */
export function TimeZone(from: Variable<string>): PropertyDecorator {
  const { variable } = from;
  const form = 'the name of a time zone such as "Europe/Berlin"';
  const validate = (value: unknown) => typeof value === 'string' && isTimeZone(value);
  const options = whereSet(notThis(`${variable} must be ${form}`));
  return setting(
    from,
    (text) => text,
    ValidateBy({ name: 'timeZone', validator: { validate } }, options),
  );
}

/** Settings that belong together; where they need not be there, none of them is set. */
export function Group(
  type: () => SettingsClass,
  { isOptional = false }: { readonly isOptional?: boolean } = {},
): PropertyDecorator {
  const variables = () =>
    [...readingsOf(type().prototype as object).values()].flatMap((reading) => reading.variables());
  return (prototype, key) => {
    readingsOf(prototype).set(String(key), {
      variables,
      read: (env) => {
        const isLeftOut = isOptional && variables().every((name) => !textOf(env, name));
        return isLeftOut ? undefined : readSettings(type(), env);
      },
    });
    ValidateNested()(prototype, key);
  };
}

/** Must be set. */
export function Needed(message: string): PropertyDecorator {
  const validator = { validate: (value: unknown) => value !== undefined };
  return ValidateBy({ name: 'needed', validator }, { message });
}

/** A rule of a field and others of its group. */
export function Together<T extends object>(
  name: string,
  isValid: (group: T) => boolean,
  message: string,
): PropertyDecorator {
  const validate = (_: unknown, args?: ValidationArguments) => isValid(args!.object as T);
  return ValidateBy({ name, validator: { validate } }, { message });
}
