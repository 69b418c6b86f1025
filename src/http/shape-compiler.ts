import {
  getMetadataStorage,
  ValidationTypes,
  type ValidationArguments,
  type ValidatorConstraintInterface,
} from 'class-validator';
import type { FieldError } from '../engine/define/refusal';
import { StartFailed } from './start-failure';

/** A class whose properties say, by class-validator's decorators, what a request may contain. */
export type Shape = abstract new () => object;

/** Adds to the errors what is wrong with a value; pointers begin at the value. */
export type ShapeCheck = (value: unknown, errors: FieldError[]) => void;

/** Errors listed in one answer; more of them help nobody. */
const MAX_ERRORS = 50;
/** Characters of an unknown field's name that are repeated to the caller. */
const MAX_SHOWN_NAME = 100;

type RuleMetadata = ReturnType<
  ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']
>[number];
type Condition = (object: object, value: unknown) => boolean;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One constraint of one field. */
interface Rule {
  readonly constraint: ValidatorConstraintInterface;
  /** One object for all calls: a check is synchronous, and an object a call is what costs most. */
  readonly args: ValidationArguments;
  readonly message: RuleMetadata['message'];
  readonly appliesIf: Condition | undefined;
}

interface Field {
  readonly name: string;
  readonly conditions: readonly Condition[];
  readonly rules: readonly Rule[];
  /** Rules of each item, where the value is a list. */
  readonly itemRules: readonly Rule[];
  /** Where the value is an object, or a list of objects: their check. */
  readonly nested: ShapeCheck | undefined;
  /** Whether there are item rules or a nested check. */
  readonly hasInside: boolean;
}

/** A class has a rule that cannot be compiled; the sentence names class and field. */
export class RuleNotCompilable extends StartFailed {
  constructor(shape: Shape, field: string, why: string) {
    super(`${shape.name}.${field} cannot be checked: ${why}`);
  }
}

/** What rules are asked about between two requests. */
const NOTHING = {};

/** A condition that always holds, so that a field's has one; the compiler leaves it out. */
export const isAlways: Condition = () => true;

const compiled = new Map<Shape, ShapeCheck>();

/** A field of this name stands for `name[key]` with any key: a query has no objects. */
export const ANY_KEY = '[]';
const WITH_KEY = /^([^[]+)\[(.*)\]$/s;

/** A field's value that has a key, as its rules are asked about it. */
export interface KeyedValue {
  readonly key: string;
  readonly value: unknown;
}

/** The name and the key of `name[key]`; undefined for other names. */
export function keyedName(text: string): { name: string; key: string } | undefined {
  const [, name, key] = WITH_KEY.exec(text) ?? [];
  return name === undefined || key === undefined ? undefined : { name, key };
}

/**
 * The check of a class, made of class-validator's metadata once: class-validator itself looks them
 * up and groups them anew for every object, which takes ten times as long. A field's first rule
 * that fails is its error, and what a class does not declare is not known.
 * @throws RuleNotCompilable for rules that are asynchronous, in groups, or mixed by inheritance
 */
export function compileShape(shape: Shape): ShapeCheck {
  const known = compiled.get(shape);
  if (known) return known;
  const fields = new Map<string, Field>();
  const inOrder: Field[] = [];
  const check: ShapeCheck = (value, errors) => checkObject(fields, inOrder, value, errors);
  // Kept before its fields are compiled, as one of them may be of the same class.
  compiled.set(shape, check);
  try {
    for (const [name, metadatas] of metadatasOf(shape)) {
      fields.set(name, compileField(shape, name, metadatas));
    }
    inOrder.push(...[...fields.values()].filter(({ name }) => !name.endsWith(ANY_KEY)));
  } catch (error) {
    compiled.delete(shape);
    throw error;
  }
  return check;
}

/** The metadata of a class by field, those of what it extends first. */
function metadatasOf(shape: Shape): Map<string, RuleMetadata[]> {
  const all = getMetadataStorage().getTargetValidationMetadatas(shape, '', false, false);
  const byField = new Map<string, RuleMetadata[]>();
  for (const ancestor of ancestorsOf(shape)) {
    for (const metadata of all.filter(({ target }) => target === ancestor)) {
      const { propertyName: name } = metadata;
      const others = byField.get(name) ?? [];
      // class-validator replaces some rules of the ancestor's and keeps others, which nobody means.
      if (others.some(({ target }) => target !== ancestor)) {
        throw new RuleNotCompilable(
          shape,
          name,
          'it is declared in part by what the class extends',
        );
      }
      byField.set(name, [...others, metadata]);
    }
  }
  return byField;
}

function ancestorsOf(shape: Shape): Shape[] {
  const parent = Object.getPrototypeOf(shape) as Shape | null;
  return parent === null || parent === Function.prototype
    ? [shape]
    : [...ancestorsOf(parent), shape];
}

function compileField(shape: Shape, name: string, metadatas: readonly RuleMetadata[]): Field {
  const refuse = (why: string) => new RuleNotCompilable(shape, name, why);
  if (name in Object.prototype) throw refuse('every object has something of that name');
  const conditions: Condition[] = [];
  const defined: Rule[] = [];
  const rules: Rule[] = [];
  const itemRules: Rule[] = [];
  let nested: ShapeCheck | undefined;
  for (const metadata of metadatas) {
    if (metadata.groups?.length > 0) throw refuse('one of its rules is for certain groups');
    if (metadata.always !== undefined) throw refuse('one of its rules says "always"');
    switch (metadata.type) {
      case ValidationTypes.CONDITIONAL_VALIDATION:
        if (metadata.constraints[0] !== isAlways) {
          conditions.push(metadata.constraints[0] as Condition);
        }
        break;
      case ValidationTypes.IS_DEFINED:
        defined.push(...rulesOf(metadata, refuse));
        break;
      case ValidationTypes.CUSTOM_VALIDATION:
        (metadata.each ? itemRules : rules).push(...rulesOf(metadata, refuse));
        break;
      case ValidationTypes.NESTED_VALIDATION:
        nested = compileShape(nestedShapeOf(metadata, refuse));
        break;
      case ValidationTypes.WHITELIST:
        break;
      default:
        throw refuse(`nothing is known of the rule ${metadata.type}`);
    }
  }
  const hasInside = nested !== undefined || itemRules.length > 0;
  return { name, conditions, rules: [...defined, ...rules], itemRules, nested, hasInside };
}

type Refuse = (why: string) => RuleNotCompilable;

/** Where ValidateNested keeps the class of what it looks into: its `context`. */
export interface NestedContext {
  readonly shape: () => Shape;
}

function nestedShapeOf({ context }: RuleMetadata, refuse: Refuse): Shape {
  const { shape } = (context ?? {}) as Partial<NestedContext>;
  if (!shape) throw refuse('its objects are to be looked into, and nothing says their class');
  return shape();
}

function rulesOf(metadata: RuleMetadata, refuse: Refuse): Rule[] {
  const constraints = getMetadataStorage().getTargetValidatorConstraints(metadata.constraintCls);
  if (constraints.length === 0) throw refuse('the class of one of its rules is no constraint');
  return constraints.map(({ async: isAsync, instance }) => {
    const args: ValidationArguments = {
      targetName: (metadata.target as Shape).name,
      property: metadata.propertyName,
      object: NOTHING,
      value: undefined,
      constraints: metadata.constraints,
    };
    if (isAsync || answersLater(instance, args)) throw refuse('one of its rules is asynchronous');
    const { message, validateIf } = metadata;
    return { constraint: instance, args, message, appliesIf: validateIf };
  });
}

/** Whether a constraint answers with a promise; seen by asking it, for nothing else tells. */
function answersLater(constraint: ValidatorConstraintInterface, args: ValidationArguments) {
  try {
    const answer = constraint.validate(undefined, args);
    if (!isPromise(answer)) return false;
    answer.catch(() => undefined);
    return true;
  } catch {
    return false;
  }
}

function isPromise(answer: unknown): answer is Promise<unknown> {
  return typeof answer === 'object' && answer !== null && 'then' in answer;
}

function checkObject(
  known: ReadonlyMap<string, Field>,
  fields: readonly Field[],
  value: unknown,
  errors: FieldError[],
): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    errors.push({ pointer: '', message: 'must be an object' });
    return;
  }
  for (const name in value) {
    if (errors.length >= MAX_ERRORS) break;
    if (known.has(name) && !name.endsWith(ANY_KEY)) continue;
    const keyed = keyedName(name);
    const field = keyed && known.get(keyed.name + ANY_KEY);
    if (field) checkKeyed(field, value as Record<string, unknown>, name, keyed.key, errors);
    else errors.push({ pointer: pointerStep(name), message: 'is not known' });
  }
  for (const field of fields) {
    if (errors.length >= MAX_ERRORS) return;
    checkField(field, value as Record<string, unknown>, errors);
  }
}

/** The step of a JSON pointer to a member of an object, shortened to what a person reads. */
export function pointerStep(name: string): string {
  return `/${name.slice(0, MAX_SHOWN_NAME).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function checkField(field: Field, object: Record<string, unknown>, errors: FieldError[]): void {
  const value = object[field.name];
  for (const applies of field.conditions) if (!applies(object, value)) return;
  const before = errors.length;
  const isFine = follows(field.rules, object, value, errors);
  if (isFine && field.hasInside) checkInside(field, object, value, errors);
  // Pointers are made for what is wrong alone: what is right is nearly everything.
  if (errors.length > before) prefix(errors, before, field.name);
}

function checkKeyed(
  { rules }: Field,
  object: Record<string, unknown>,
  name: string,
  key: string,
  errors: FieldError[],
): void {
  const before = errors.length;
  const given: KeyedValue = { key, value: object[name] };
  follows(rules, object, given, errors);
  for (const error of errors.slice(before) as Mutable<FieldError>[]) {
    error.pointer = pointerStep(name) + error.pointer;
  }
}

function checkInside(
  { itemRules, nested }: Field,
  object: object,
  value: unknown,
  errors: FieldError[],
): void {
  if (!Array.isArray(value)) {
    if (follows(itemRules, object, value, errors) && value !== undefined) nested?.(value, errors);
    return;
  }
  const items: readonly unknown[] = value;
  for (let index = 0; index < items.length && errors.length < MAX_ERRORS; index++) {
    const before = errors.length;
    if (follows(itemRules, object, items[index], errors)) nested?.(items[index], errors);
    if (errors.length > before) prefix(errors, before, index);
  }
}

function prefix(errors: Mutable<FieldError>[], from: number, step: string | number): void {
  for (const error of errors.slice(from)) error.pointer = `/${step}${error.pointer}`;
}

/** Whether a value follows all rules; the first that it does not follow is its error. */
function follows(
  rules: readonly Rule[],
  object: object,
  value: unknown,
  errors: FieldError[],
): boolean {
  for (const rule of rules) {
    if (rule.appliesIf !== undefined && !rule.appliesIf(object, value)) continue;
    const { args } = rule;
    args.object = object;
    args.value = value;
    const answer: unknown = rule.constraint.validate(value, args);
    // A promise is true for an `if`, so everything would be let through.
    if (isPromise(answer)) throw new Error(`A rule of ${args.property} answers later`);
    if (!answer) errors.push({ pointer: '', message: messageOf(rule) });
    // Or else the last body of each kind were kept until the next one comes.
    args.object = NOTHING;
    args.value = undefined;
    if (!answer) return false;
  }
  return true;
}

/**
 * What class-validator would say, as the end of a sentence that begins with the field's name.
 * JSON has no undefined, so what refuses it refuses a field that was left out.
 */
function messageOf({ constraint, args, message }: Rule): string {
  if (args.value === undefined) return 'is missing';
  const given = typeof message === 'function' ? message(args) : message;
  const text = given || constraint.defaultMessage?.(args) || 'is not valid';
  if (!text.includes('$')) return text;
  return text
    .replace(/^\$property /, '')
    .replace(/\$constraint(\d+)/g, (_, n) => shown(args.constraints[Number(n) - 1]))
    .replaceAll('$property', args.property)
    .replaceAll('$target', args.targetName)
    .replaceAll('$value', () => shown(args.value));
}

function shown(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}
