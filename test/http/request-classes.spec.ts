import type { INestApplicationContext } from '@nestjs/common';
import fc from 'fast-check';
import * as requests from '../../src/http/request-classes';
import type { Shape } from '../../src/http/shape-compiler';
import { fieldErrors } from '../../src/http/validation';
import { cloneDatabases } from '../harness/databases';
import { checkProperty } from '../harness/seed';
import { startTestService } from '../harness/service';
import {
  compiledVerdict,
  declaredFields,
  goodBodies,
  oddBodies,
  PROTOTYPE_NAMES,
  stockVerdict,
} from './generated-bodies';

/** Bodies of each class and kind. */
const RUNS = 60;

/** Class-validator has no fields whose names have keys: `metadata[key]`. */
function withoutKeyed(body: object): object {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !name.includes('[')));
}

describe('the classes of all requests', () => {
  let app: INestApplicationContext;
  let shapes: Shape[];
  let withFields: Shape[];

  beforeAll(async () => {
    const compile = jest.spyOn(requests, 'compileRequests');
    await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    [[app]] = compile.mock.calls as [[INestApplicationContext]];
    shapes = [...requests.requestClasses(app)];
    withFields = shapes.filter((shape) => declaredFields(shape).length > 0);
  });

  it('are found', () => {
    const names = shapes.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['PostTransactionBatchDto', 'DiffQuery']));
    expect(withFields.length).toBeGreaterThan(15);
    for (const shape of withFields) {
      for (const { name, nested, good } of declaredFields(shape)) {
        if (!nested) expect([shape.name, name, good.length]).not.toContain(0);
      }
    }
  });

  it('accept what their rules allow, as class-validator does', () => {
    for (const shape of withFields) {
      checkProperty(
        fc.property(goodBodies(shape).map(withoutKeyed), (body) => {
          expect(compiledVerdict(shape, body)).toEqual([]);
          expect(stockVerdict(shape, body)).toEqual([]);
        }),
        RUNS,
      );
    }
  });

  it('refuse what class-validator refuses, for the same fields', () => {
    const seen = { accepted: 0, refused: 0 };
    for (const shape of withFields) {
      checkProperty(
        fc.property(oddBodies(shape).map(withoutKeyed), (body) => {
          const verdict = compiledVerdict(shape, body);
          const stock = stockVerdict(shape, body);
          // The answer names 50 fields at most, class-validator all of them.
          if (fieldErrors(shape, body).length < 50) expect(verdict).toEqual(stock);
          else expect(stock).toEqual(expect.arrayContaining(verdict));
          seen[verdict.length > 0 ? 'refused' : 'accepted']++;
        }),
        2 * RUNS,
      );
    }
    expect(seen.accepted).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(500);
  });

  // Where the compiled check is stricter than class-validator, which lets some of these through.
  it('refuse fields named like what every object has', () => {
    for (const shape of shapes) {
      const [good] = fc.sample(goodBodies(shape), { numRuns: 1, seed: 1 });
      for (const name of PROTOTYPE_NAMES) {
        const body = Object.assign(JSON.parse(`{"${name}":"x"}`) as object, good);
        const message = 'is not known';
        expect(fieldErrors(shape, body)).toEqual([{ pointer: `/${name}`, message }]);
      }
    }
  });

  // class-validator refuses whatever is of a class without rules, an empty object as well.
  it('take an empty object where they have no fields, and nothing else', () => {
    for (const shape of shapes.filter((one) => !withFields.includes(one))) {
      expect(fieldErrors(shape, {})).toEqual([]);
      expect(fieldErrors(shape, { extra: 1 })).toHaveLength(1);
    }
  });

  // class-validator takes only objects.
  it('refuse what is no object', () => {
    const message = 'must be an object';
    for (const shape of shapes) {
      for (const body of [null, [], [{}], 'x', 7, true]) {
        expect(fieldErrors(shape, body)).toEqual([{ pointer: '', message }]);
      }
    }
  });
});
