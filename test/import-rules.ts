import type { Import, SourceFile } from './source-files';

/**
 * The folders of src from the ground up, each standing on those before it: data runs down, and no
 * import runs back up. What stands side by side knows nothing of its neighbour.
 */
const WINGS: readonly (readonly string[])[] = [
  ['money', 'database'],
  ['engine'],
  ['schemas'],
  ['http'],
  ['access'],
  ['outside'],
  ['books'],
  ['proof'],
  // What puts everything together: main.ts, app.module.ts, config.ts, features.ts.
  [''],
];
/** The folders of the engine from the ground up; what puts it together stands beside them. */
const ENGINE: readonly string[] = [
  'engine/define',
  'engine/session',
  'engine/write',
  'engine/catch-up',
  'engine',
];
/** The wings whose folders are features, which know little of each other. */
const FEATURE_WINGS = ['access', 'outside', 'books', 'proof'];
/** What a feature shows to other features. */
const SHARED_FILE = /\.(dto|events|queries|rules|table|view)$/;
/** Folders of those wings that are no features: what they are made for is to be used by others. */
const SHARED_FOLDER = /^src\/(outside\/(tasks|adapters)|proof\/(replay|runs|checkpoints))\//;
/** What puts the features together without naming any. */
const COMPOSITION = ['src/main', 'src/app.module'];
/** Files that scripts load too, and that are to load no framework. */
const PLAIN_FILE = /\.(events|creators?|materializers|queries|rules|table|view)\.ts$/;
const PURE_FILE = /\.(events|creators?|materializers)\.ts$/;
const IMPURE_PACKAGE = /^(@nestjs\/|bullmq$|pg$|node:(timers|perf_hooks|crypto|os|fs|net)$)/;

/** Why a file must not have an import; undefined where it may. */
export function forbiddenImport(file: SourceFile, item: Import): string | undefined {
  if (item.isPackage) return forbiddenPackage(file, item.target);
  if (PLAIN_FILE.test(file.path) && item.target.endsWith('.dto') && !item.isTypeOnly) {
    return 'classes of requests and answers bring the framework: import their types';
  }
  const [from, to] = [topOf(file.module), topOf(item.target)];
  if (file.isSpec && item.target.startsWith('test/harness/')) return undefined;
  if (to === 'test' || (to === 'scripts' && from !== 'scripts')) {
    return 'the program does not stand on scripts and tests';
  }
  if (from === 'migrations') return forbiddenInMigration(file, item);
  if (to === 'migrations') {
    return file.module === 'src/database/migrator' ? undefined : 'only the migrator runs them';
  }
  // Scripts put things together too; specs may look at what they test from anywhere.
  if (from === 'scripts' || file.isSpec) return undefined;
  return forbiddenOfFeature(file.module, item) ?? forbiddenInProgram(file.module, item.target);
}

/** A feature is one folder and one line: nobody knows it but the list. */
function forbiddenOfFeature(from: string, { target, isLazy }: Import): string | undefined {
  if (COMPOSITION.includes(from) && FEATURE_WINGS.includes(wingOf(target))) {
    return 'what a service is made of, its features say';
  }
  if (target.endsWith('.feature') && from !== 'src/features') return 'src/features.ts lists them';
  if (!target.endsWith('.service')) return undefined;
  const isOwn = from === target.replace(/\.service$/, '.feature') && isLazy;
  return isOwn ? undefined : 'only its feature loads it, and only for a running service';
}

function forbiddenInProgram(from: string, to: string): string | undefined {
  const [fromWing, toWing] = [wingOf(from), wingOf(to)];
  if (rankOf(toWing) > rankOf(fromWing)) return `${toWing || 'the top'} stands on ${fromWing}`;
  if (fromWing === toWing) {
    if (fromWing === 'engine') return forbiddenInEngine(folderOf(from), folderOf(to));
    const isFeature = FEATURE_WINGS.includes(fromWing) && folderOf(from) !== folderOf(to);
    return isFeature ? forbiddenBetweenFeatures(from, to) : undefined;
  }
  if (rankOf(toWing) === rankOf(fromWing)) return `${toWing} is no ground of ${fromWing}`;
  const isFeature = fromWing !== '' && FEATURE_WINGS.includes(toWing);
  return isFeature ? forbiddenBetweenFeatures(from, to) : undefined;
}

/** Types count too: who only names what stands above it knows of it all the same. */
function forbiddenInEngine(from: string, to: string): string | undefined {
  const isAbove = ENGINE.indexOf(to) > ENGINE.indexOf(from);
  return isAbove ? `${to} stands on ${from}` : undefined;
}

function forbiddenBetweenFeatures(from: string, to: string): string | undefined {
  // The import speaks to the features as a client does, by their creators.
  if (from.startsWith('src/books/import/') && /\.creators?$/.test(to)) return undefined;
  if (SHARED_FOLDER.test(to) || SHARED_FILE.test(to)) return undefined;
  return 'of another feature only its DTOs, events, queries, rules, tables and views may be used';
}

function forbiddenPackage(file: SourceFile, name: string): string | undefined {
  if (file.path.startsWith('migrations/')) {
    return name === 'kysely' ? undefined : 'migrations import only kysely';
  }
  if (PURE_FILE.test(file.path) && IMPURE_PACKAGE.test(name)) {
    return 'events, creators and materializers know no framework, no clock and no world';
  }
  if (file.path.startsWith('src/engine/') && name.startsWith('@nestjs/')) {
    return 'the engine knows no framework';
  }
  return undefined;
}

function forbiddenInMigration(file: SourceFile, { target }: Import): string | undefined {
  const isList = file.module.endsWith('/index') && topOf(target) === 'migrations';
  return isList ? undefined : 'migrations import only kysely';
}

/** `src`, `scripts`, `migrations` or `test`. */
function topOf(module: string): string {
  return module.split('/')[0]!;
}

/** The folder below src that a module is in, `''` for src itself. */
function wingOf(module: string): string {
  const [, wing, file] = module.split('/');
  return file === undefined ? '' : wing!;
}

/** The folder of a module inside its wing: a feature, in a wing of features. */
function folderOf(module: string): string {
  return module.split('/').slice(1, -1).join('/');
}

function rankOf(wing: string): number {
  const rank = WINGS.findIndex((side) => side.includes(wing));
  if (rank < 0) throw new Error(`src/${wing} has no place in the house`);
  return rank;
}
