import { features } from '../../features';
import { defineCreator } from './creator';
import { defineEvent, upcast, type LedgerEvent } from './event';
import { defineMaterializer } from './materializer';
import { column } from '../../database/column';
import { defineFeature, type Feature } from './feature';
import { Registry, RegistryError } from './registry';
import { defineAppendTable } from './state-table';

const ignore = () => Promise.resolve();
const NoteTaken = defineEvent<{ text: string; by: string }>('NoteTaken', 3, {
  1: (data) => ({ text: (data as { note: string }).note }),
  2: (data) => ({ ...data, by: 'unknown' }),
});

function featureOf(parts: Partial<Feature>): Feature {
  return defineFeature({ name: 'notes', ...parts });
}

function problemsOf(build: () => unknown): readonly string[] {
  try {
    build();
  } catch (error) {
    if (error instanceof RegistryError) return error.problems;
    throw error;
  }
  return [];
}

describe('Registry', () => {
  it('takes the features of the program', () => {
    expect(problemsOf(() => new Registry(features))).toEqual([]);
  });

  it('lists every duplicate at once', () => {
    const creator = defineCreator<null, void>({ name: 'TakeNote', run: ignore });
    const table = defineAppendTable({
      name: 'notes',
      lastPosition: 'id',
      columns: { id: column.bigint() },
    });
    const feature = featureOf({
      tables: [table],
      materializers: [defineMaterializer(NoteTaken, 1, ignore)],
      creators: [creator],
    });
    expect(problemsOf(() => new Registry([feature, feature]))).toEqual([
      'NoteTaken has two materializers',
      'TakeNote is defined twice',
      'table notes is defined twice',
      'two features are called notes',
    ]);
  });

  it('names each version that cannot be read', () => {
    const gap = defineEvent('NoteLost', 4, { 2: (data) => data });
    const feature = featureOf({ materializers: [defineMaterializer(gap, 1, ignore)] });
    expect(problemsOf(() => new Registry([feature]))).toEqual([
      'NoteLost has no upcaster from version 1',
      'NoteLost has no upcaster from version 3',
    ]);
  });

  it('refuses a log with types and versions that it does not know', () => {
    const registry = new Registry([
      featureOf({ materializers: [defineMaterializer(NoteTaken, 1, ignore)] }),
    ]);
    const stored = [
      { type: 'NoteTaken', version: 1 },
      { type: 'NoteTaken', version: 3 },
    ];
    expect(problemsOf(() => registry.checkComplete(stored))).toEqual([]);
    const strange = [...stored, { type: 'NoteTaken', version: 4 }, { type: 'Gone', version: 1 }];
    expect(problemsOf(() => registry.checkComplete(strange))).toEqual([
      'NoteTaken version 4 is in the log; known up to 3',
      'Gone is in the log and has no materializer',
    ]);
  });

  it('changes its version with any materializer, and not with their order', () => {
    const versionOf = (...versions: number[]) => {
      const materializers = versions.map((version, i) =>
        defineMaterializer(defineEvent(`Event${i}`), version, ignore),
      );
      const [forth, back] = [materializers, materializers.toReversed()].map(
        (list) => new Registry([featureOf({ materializers: list })]).materializersVersion,
      );
      expect(forth).toBe(back);
      return forth;
    };
    const seen = [versionOf(1, 1), versionOf(2, 1), versionOf(1, 2), versionOf(1)];
    expect(new Set(seen).size).toBe(4);
    expect(versionOf(1, 1)).toBe(seen[0]);
  });

  it('brings a stored event to the current version', () => {
    const registry = new Registry([
      featureOf({ materializers: [defineMaterializer(NoteTaken, 1, ignore)] }),
    ]);
    const stored = { type: 'NoteTaken', version: 1, data: { note: 'hello' } } as LedgerEvent;
    const read = registry.upcast(stored);
    expect(read).toMatchObject({ version: 3, data: { text: 'hello', by: 'unknown' } });
    expect(stored).toMatchObject({ version: 1, data: { note: 'hello' } });
    const current = { ...read };
    expect(registry.upcast(current)).toBe(current);
  });
});

function storedAs(version: number, data: object): LedgerEvent {
  return { type: 'NoteTaken', version, data, commandId: 'command' } as LedgerEvent;
}

describe('upcast', () => {
  it('goes step by step from any version', () => {
    const read = (version: number, data: object) => upcast(NoteTaken, storedAs(version, data));
    expect(read(1, { note: 'a' })).toEqual({ text: 'a', by: 'unknown' });
    expect(read(2, { text: 'b' })).toEqual({ text: 'b', by: 'unknown' });
    expect(read(3, { text: 'c', by: 'me' })).toEqual({ text: 'c', by: 'me' });
  });

  it('is given the event as it was stored, at every step', () => {
    const note = (data: object, { commandId, version }: LedgerEvent) => {
      return { ...data, [`of${version}`]: commandId };
    };
    const seen = defineEvent('NoteSeen', 3, { 1: note, 2: (data, stored) => ({ data, stored }) });
    const stored = storedAs(1, { a: 1 });
    expect(upcast(seen, stored)).toEqual({ data: { a: 1, of1: 'command' }, stored });
  });

  it('refuses versions from the future', () => {
    expect(() => upcast(NoteTaken, storedAs(4, {}))).toThrow('newer than this program');
  });
});
