import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import fc from 'fast-check';
import type { NestedContext, Shape } from '../../src/http/shape-compiler';
import { fieldErrors } from '../../src/http/validation';

/** Names that every object has: class-validator takes some of them for fields that it knows. */
export const PROTOTYPE_NAMES = Object.getOwnPropertyNames(Object.prototype);

/** Values of which every field of the program takes some. */
const PLAUSIBLE: readonly unknown[] = [
  ...['client:cash', '0198c2d4-7a3b-4c5d-8e6f-0123456789ab', 'cash-1', 'A name', 'ACME', '*'],
  ...['2026-01-31', '2026-01-31T10:00:00Z', '100.50', '-3', '0', '1', '0.0425', 'USD', 'DE'],
  ...['name@example.com', `whsec_${Buffer.alloc(24, 7).toString('base64')}`, '[erased]'],
  ...[['AccountOpened'], ['client:cash'], { invoice: '1' }, {}, true, false, 1, 5],
];

/** Values that most fields refuse, each for a reason of its own. */
const ODD: readonly unknown[] = [
  ...[null, 0, -1, 1.5, 1e21, true, '', ' ', 'x'.repeat(3_000), '\0', '\ud800', 'a\nb'],
  ...['+5', '-0', '01', '.5', '1e2', '0x10', '2025-02-29', 'client:', 'CLIENT:a', 'usd', 'ZZZ'],
  ...[[], [[]], [[[]]], [null], [1], ['x'], [{}], [['client:cash']], {}, { length: 1 }, { a: 1 }],
  ...[['x', 'x'], Array.from({ length: 60 }, (_, i) => `T${i}`), { ['k'.repeat(65)]: 'x' }],
  ...[{ 'a"b': 'x' }, Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v']))],
];
const ODD_NAMES = ['extra', 'a/b~c', 'Name', 'name ', '', 'x'.repeat(150), '$where'];

/** One declared field, as the generator needs to know it. */
interface DeclaredField {
  readonly name: string;
  readonly isRequired: boolean;
  readonly nested: Shape | undefined;
  readonly isList: boolean;
  readonly minItems: number;
  readonly good: readonly unknown[];
}

const declared = new Map<Shape, DeclaredField[]>();

/** The fields that class-validator's metadata declare of a class. */
export function declaredFields(shape: Shape): DeclaredField[] {
  const fields = declared.get(shape) ?? readFields(shape);
  declared.set(shape, fields);
  return fields;
}

function readFields(shape: Shape): DeclaredField[] {
  const storage = getMetadataStorage();
  const all = storage.getTargetValidationMetadatas(shape, '', false, false);
  return Object.entries(storage.groupByPropertyName(all)).map(([declaredName, rules]) => {
    // What stands for any key is sent with one.
    const name = declaredName.replace(/\[\]$/, '[key]');
    const constraints = new Map<string, unknown[] | undefined>();
    for (const rule of rules) {
      if (rule.name !== undefined) constraints.set(rule.name, rule.constraints);
    }
    const inside = rules.find((rule) => rule.type === 'nestedValidation');
    const nested = inside && (inside.context as NestedContext).shape();
    const values = constraints.get('isIn')?.[0] as readonly unknown[] | undefined;
    const isGood = (value: unknown) => !wrongFields(shape, { [name]: value }).has(name);
    return {
      name,
      isRequired: wrongFields(shape, {}).has(name),
      nested,
      isList: constraints.has('isArray'),
      minItems: Number(constraints.get('arrayMinSize')?.[0] ?? 0),
      good: nested ? [] : [...PLAUSIBLE, ...(values ?? [])].filter(isGood),
    };
  });
}

function wrongFields(shape: Shape, body: object): Set<string> {
  return new Set(fieldErrors(shape, body).map(({ pointer }) => pointer.split('/')[1]!));
}

/** Bodies that the declared rules accept. */
export function goodBodies(shape: Shape): fc.Arbitrary<object> {
  const fields = declaredFields(shape).map((field) => {
    const good = field.nested
      ? insideOf(field, goodBodies(field.nested))
      : fc.constantFrom(...field.good);
    return field.isRequired ? good : maybe(good, 2);
  });
  return assembled(shape, fields, fc.constant([]));
}

/** Bodies that resemble good ones: some are. */
export function oddBodies(shape: Shape): fc.Arbitrary<object> {
  const fields = declaredFields(shape).map((field) => {
    const fitting = field.nested
      ? insideOf(field, oddBodies(field.nested))
      : fc.constantFrom(...field.good);
    const odd = fc.oneof(
      fc.constantFrom(...ODD),
      fc.constantFrom(...PLAUSIBLE),
      fc.string({ maxLength: 12, unit: 'binary' }),
      spoiled(field.good),
    );
    return maybe(fc.oneof({ arbitrary: fitting, weight: 9 }, { arbitrary: odd, weight: 1 }), 15);
  });
  const extra = fc.tuple(fc.constantFrom(...ODD_NAMES), fc.constantFrom<unknown>(1, null, {}, 'x'));
  const none = fc.constant<[string, unknown][]>([]);
  const some = fc.oneof({ arbitrary: none, weight: 15 }, fc.array(extra, { maxLength: 2 }));
  return assembled(shape, fields, some);
}

const LEFT_OUT = Symbol('left out');

function maybe(value: fc.Arbitrary<unknown>, freq: number): fc.Arbitrary<unknown> {
  return fc.option(value, { freq, nil: LEFT_OUT });
}

function insideOf(field: DeclaredField, body: fc.Arbitrary<object>): fc.Arbitrary<unknown> {
  if (!field.isList) return body;
  return fc.array(body, { minLength: field.minItems, maxLength: field.minItems + 2 });
}

/** A good text with one character more, less or other. */
function spoiled(good: readonly unknown[]): fc.Arbitrary<unknown> {
  const texts = good.filter((value) => typeof value === 'string');
  const change = fc.tuple(
    fc.constantFrom('', ...texts),
    fc.nat(40),
    fc.nat(1),
    fc.constantFrom('', '0', '-', '.', ' ', 'ä', '\n'),
  );
  return change.map(([text, at, less, more]) => text.slice(0, at) + more + text.slice(at + less));
}

function assembled(
  shape: Shape,
  values: readonly fc.Arbitrary<unknown>[],
  extra: fc.Arbitrary<[string, unknown][]>,
): fc.Arbitrary<object> {
  const names = declaredFields(shape).map(({ name }) => name);
  return fc.tuple(fc.tuple(...values), extra).map(([given, more]) => {
    const entries = names.map((name, i) => [name, given[i]] as [string, unknown]);
    return Object.fromEntries([...entries.filter(([, value]) => value !== LEFT_OUT), ...more]);
  });
}

/** The fields that class-validator itself refuses, as {@link compiledVerdict} writes them. */
export function stockVerdict(shape: Shape, body: object): string[] {
  const options = { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true };
  return outermost(pointersOf(validateSync(instanceOf(shape, body), options), ''));
}

/** The fields that the compiled check refuses: none that is inside of another, and no items. */
export function compiledVerdict(shape: Shape, body: object): string[] {
  return outermost(fieldErrors(shape, body).map(({ pointer }) => pointer));
}

/** An object of the class with objects of their classes inside, as class-validator wants it. */
function instanceOf(shape: Shape, body: object): object {
  const instance = Object.create(shape.prototype as object) as Record<string, unknown>;
  Object.assign(instance, body);
  for (const { name, nested } of declaredFields(shape)) {
    if (!nested) continue;
    const value = instance[name];
    if (Array.isArray(value)) {
      const items: readonly unknown[] = value;
      instance[name] = items.map((item) => (isObject(item) ? instanceOf(nested, item) : item));
    } else if (isObject(value)) instance[name] = instanceOf(nested, value);
  }
  return instance;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function pointersOf(errors: readonly ValidationError[], above: string): string[] {
  return errors.flatMap(({ property, constraints, children = [] }) => {
    const shown = property.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
    const pointer = `${above}/${shown}`;
    return [...(constraints ? [pointer] : []), ...pointersOf(children, pointer)];
  });
}

/**
 * class-validator says of a list that an item is wrong where the compiled check says which, and
 * looks into what is wrong already.
 */
function outermost(pointers: readonly string[]): string[] {
  const fields = [...new Set(pointers.map((pointer) => pointer.replace(/\/\d+$/, '')))];
  return fields.filter((one) => !fields.some((other) => one.startsWith(`${other}/`))).sort();
}
