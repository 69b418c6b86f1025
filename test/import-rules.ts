import type { Import, SourceFile } from './source-files';

/** Layers that are no features; what each may import besides itself. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  money: [],
  database: ['migrations'],
  engine: ['database'],
  http: ['engine', 'database', 'money', 'config'],
  tasks: ['engine', 'database', 'config'],
  adapters: ['tasks', 'config'],
  replay: ['engine', 'database'],
  checkpoints: ['engine', 'database', 'tasks', 'adapters', 'replay'],
  schemas: ['engine', 'money'],
  transfer: ['engine', 'database'],
  import: ['engine', 'database', 'money'],
};
/** What every feature stands on. */
const FEATURE_LAYERS = ['engine', 'database', 'http', 'tasks', 'adapters', 'money', 'schemas'];
/** Features for administrators, and what they stand on besides. */
const ADMIN_FEATURES = ['admin', 'amendments'];
const ADMIN_LAYERS = ['replay', 'checkpoints'];
/** What a feature shows to other features. */
const SHARED_FILE = /\.(events|queries|rules|table|view)$|^src\/admin\/report\.dto$/;
const PURE_FILE = /\.(events|creators?|materializers)\.ts$/;
const IMPURE_PACKAGE = /^(@nestjs\/|bullmq$|pg$|node:(timers|perf_hooks|crypto|os|fs|net)$)/;

/** Why a file must not have an import; undefined where it may. */
export function forbiddenImport(file: SourceFile, item: Import): string | undefined {
  const from = placeOf(file.module);
  if (item.isPackage) return forbiddenPackage(file, item.target);
  const to = placeOf(item.target);
  if (file.isSpec && item.target.startsWith('test/harness/')) return undefined;
  if (to === 'test' || (to === 'scripts' && from !== 'scripts')) {
    return 'the program does not stand on scripts and tests';
  }
  if (from === 'migrations') return forbiddenInMigration(file, item);
  // The files on top put everything together; specs may look at what they test from anywhere.
  if (from === 'scripts' || from === '' || file.isSpec || to === from) return undefined;
  if (to === 'config') {
    const isHttp = from === 'http' || item.isTypeOnly;
    return isHttp ? undefined : 'only the types of the configuration';
  }
  const layers = LAYERS[from];
  if (layers) return forbiddenInLayer(from, layers, to);
  if (FEATURE_LAYERS.includes(to)) return undefined;
  if (ADMIN_FEATURES.includes(from) && ADMIN_LAYERS.includes(to)) return undefined;
  if (to === '' || LAYERS[to]) return 'a feature stands on the engine and the layers below it';
  return SHARED_FILE.test(item.target)
    ? undefined
    : 'of another feature only its events, queries, rules, tables and views may be used';
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
  const isList = file.module.endsWith('/index') && placeOf(target) === 'migrations';
  return isList ? undefined : 'migrations import only kysely';
}

function forbiddenInLayer(from: string, layers: readonly string[], to: string) {
  if (layers.includes(to)) return undefined;
  // The import speaks to the features as a client does, by their creators.
  const isFeature = to !== '' && !LAYERS[to];
  return from === 'import' && isFeature ? undefined : `${from} may import ${layers.join(', ')}`;
}

/** The folder below src that a module is in, `''` for src itself, else the top folder's name. */
function placeOf(module: string): string {
  const [top, folder, rest] = module.split('/');
  if (top !== 'src') return top!;
  if (rest === undefined) return folder === 'config' ? 'config' : '';
  return folder!;
}
