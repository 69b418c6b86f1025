import {
  Allow,
  IsDefined,
  IsIn,
  IsInstance,
  IsNotEmpty,
  IsOptional,
  IsString,
  MaxLength,
  Validate,
  ValidateBy,
  ValidateIf,
  ValidateNested,
  ValidatePromise,
  ValidatorConstraint,
} from 'class-validator';
import { Amount, ListOf, Text } from './fields';
import { compileShape, type Shape } from './shape-compiler';
import { StartFailed } from './start-failure';
import { fieldErrors } from './validation';

/** A class with one field `value` that is decorated so. */
function shapeOf(...decorators: PropertyDecorator[]): Shape {
  class GivenDto {}
  for (const decorate of decorators) decorate(GivenDto.prototype, 'value');
  return GivenDto;
}

function refusalOf(shape: Shape): string {
  try {
    compileShape(shape);
  } catch (error) {
    if (error instanceof StartFailed) return error.message;
    throw error;
  }
  return 'was compiled';
}

@ValidatorConstraint({ async: true })
class AsyncConstraint {
  validate(): boolean {
    return true;
  }
}

/** Lacks the decorator that makes it a constraint. */
class NoConstraint {
  validate(): boolean {
    return false;
  }
}

const later = { validate: () => Promise.resolve(false) };

describe('a rule that cannot be compiled stops the start', () => {
  it.each<[string, PropertyDecorator, RegExp]>([
    ['a constraint class that is async', Validate(AsyncConstraint), /asynchronous/],
    ['a function that answers later', ValidateBy({ name: 'x', validator: later }), /asynchronous/],
    ['a promise', ValidatePromise(), /promiseValidation/],
    ['groups', IsString({ groups: ['create'] }), /groups/],
    ['always', IsString({ always: true }), /"always"/],
    ['always not', IsString({ always: false }), /"always"/],
    ['a class that is no constraint', Validate(NoConstraint), /no constraint/],
    ['objects of no class', ValidateNested(), /nothing says their class/],
  ])('%s', (_name, decorator, why) => {
    const sentence = refusalOf(shapeOf(decorator));
    expect(sentence).toMatch(/^GivenDto\.value cannot be checked: /);
    expect(sentence).toMatch(why);
    // Not only the first time.
    expect(refusalOf(shapeOf(IsString(), decorator))).toMatch(why);
  });

  it('also in a class inside', () => {
    const inner = shapeOf(IsString({ groups: ['create'] }));
    class OuterDto {
      @ListOf(() => inner, 1, 2)
      items!: object[];
    }
    expect(refusalOf(OuterDto)).toMatch(/^GivenDto\.value cannot be checked: /);
    expect(refusalOf(OuterDto)).toMatch(/^GivenDto\.value cannot be checked: /);
  });

  it('a field that every object has', () => {
    class OddDto {}
    Text(1, 5)(OddDto.prototype, 'toString');
    expect(refusalOf(OddDto)).toMatch(/^OddDto\.toString cannot be checked: every object/);
  });

  it('a field that is declared in part by what the class extends', () => {
    class ParentDto {
      @IsOptional()
      @IsString()
      value?: string;
    }
    class ChildDto extends ParentDto {
      @IsIn(['a'])
      declare value?: string;
    }
    expect(refusalOf(ChildDto)).toMatch(/^ChildDto\.value cannot be checked: it is declared in/);
  });

  it('and one that answers later after all is never let through', () => {
    const sometimes = { validate: (value: unknown) => (value === 1 ? later.validate() : false) };
    const shape = shapeOf(ValidateBy({ name: 'x', validator: sometimes }));
    expect(fieldErrors(shape, { value: 2 })).toHaveLength(1);
    expect(() => fieldErrors(shape, { value: 1 })).toThrow('answers later');
  });
});

describe('the rules of class-validator', () => {
  const errorsOf = (value: unknown, ...decorators: PropertyDecorator[]) =>
    fieldErrors(shapeOf(...decorators), { value });

  it('say what is wrong as the end of a sentence', () => {
    expect(errorsOf(7, IsString())).toEqual([{ pointer: '/value', message: 'must be a string' }]);
    const [error] = errorsOf('abc', MaxLength(2));
    expect(error!.message).toBe('must be shorter than or equal to 2 characters');
    const [own] = errorsOf('c', IsIn(['a', 'b'], { message: '$value is none of $constraint1' }));
    expect(own!.message).toBe('c is none of a, b');
  });

  it('stop at the first that is broken', () => {
    const rules = [IsString({ message: '1' }), IsIn(['a'], { message: '2' })];
    expect(errorsOf(7, ...rules)).toEqual([{ pointer: '/value', message: '1' }]);
    expect(errorsOf('b', ...rules)).toEqual([{ pointer: '/value', message: '2' }]);
  });

  it('hold under their conditions', () => {
    const onlyText = { validateIf: (_: object, value: unknown) => typeof value === 'string' };
    expect(errorsOf(7, IsIn(['a'], onlyText))).toEqual([]);
    expect(errorsOf('b', IsIn(['a'], onlyText))).toHaveLength(1);
    const other = ValidateIf((object: { value: unknown }) => object.value !== 7);
    expect(errorsOf(7, other, IsString())).toEqual([]);
    expect(errorsOf(8, other, IsString())).toHaveLength(1);
    expect(errorsOf(null, IsOptional(), IsString())).toEqual([]);
    expect(errorsOf(null, IsDefined(), IsOptional())).toEqual([]);
  });

  it('hold for each item, and say which', () => {
    const pointers = errorsOf(['a', 1, 'b', 2], IsString({ each: true })).map((e) => e.pointer);
    expect(pointers).toEqual(['/value/1', '/value/3']);
    expect(errorsOf(1, IsString({ each: true }))[0]!.pointer).toBe('/value');
  });

  it('know the object that they are of', () => {
    const isTwice = { validate: (v: unknown, a?: { object: object }) => v === a?.object };
    expect(errorsOf(1, ValidateBy({ name: 'x', validator: isTwice }))).toHaveLength(1);
    expect(errorsOf(new Date(), IsInstance(Date))).toEqual([]);
  });

  it('make a field known without any', () => {
    expect(errorsOf('whatever', Allow())).toEqual([]);
    expect(errorsOf('', IsNotEmpty())).toHaveLength(1);
  });
});

describe('a class that extends another', () => {
  class ParentDto {
    @Text(1, 5)
    first!: string;

    @Amount({ optional: true })
    amount?: string;
  }
  class ChildDto extends ParentDto {
    @Text(1, 5)
    own!: string;

    @Text(2, 2)
    declare amount: string;
  }

  it('has its fields, and replaces those that it declares itself', () => {
    const child = { first: 'a', own: 'b', amount: 'xx' };
    expect(fieldErrors(ChildDto, child)).toEqual([]);
    expect(fieldErrors(ParentDto, { first: 'a' })).toEqual([]);
    expect(fieldErrors(ParentDto, { first: 'a', own: 'b' })).toHaveLength(1);
    expect(fieldErrors(ChildDto, { ...child, amount: '1.5' })).toHaveLength(1);
    const pointers = fieldErrors(ChildDto, {}).map(({ pointer }) => pointer);
    expect(pointers).toEqual(['/first', '/own', '/amount']);
  });
});
