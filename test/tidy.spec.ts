import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { logMigrations } from '../migrations/log/index';
import { stateMigrations } from '../migrations/state/index';
import { documents } from './documents';
import { forbiddenImport } from './import-rules';
import { declaredNames, namesIn, sqlTextsOf } from './sql-texts';
import { PROJECT, sourceFiles, type SourceFile } from './source-files';

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;
const MAX_LINE_LENGTH = 100;
const MAX_FIRST_PAGE_LINES = 200;

/** Where the time of day is meant, and not how long something takes: that is performance.now(). */
const TIME_OF_DAY = [
  'scripts/setup.mjs',
  'src/config-fields.ts',
  'src/engine/define/ids.ts',
  'src/http/health.ts',
  'src/outside/adapters/atomic-file.ts',
  'src/outside/tasks/job-batches.ts',
  'src/outside/tasks/job-redis.ts',
  'src/outside/tasks/job-schedules.ts',
  'src/outside/webhooks/webhook.tasks.ts',
  'src/proof/checkpoints/write-checkpoint.ts',
  'src/proof/replay/run-record.ts',
  'src/proof/transfer/export-log.ts',
];

const files = sourceFiles();
const product = files.filter((file) => /^(src|migrations|scripts)\//.test(file.path));

/** Collects one sentence for each violation; an empty list is what a rule wants. */
function violations(
  of: readonly SourceFile[],
  find: (file: SourceFile) => Iterable<string>,
): string[] {
  return of.flatMap((file) => [...find(file)].map((what) => `${file.path}: ${what}`));
}

describe('the house style', () => {
  it('finds the files that it is about', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.some((file) => file.path === 'src/engine/write/ledger.ts')).toBe(true);
  });

  it('keeps files short', () => {
    const found = violations(files, function* ({ lines }) {
      if (lines.length > MAX_FILE_LINES) yield `${lines.length} lines`;
    });
    expect(found).toEqual([]);
  });

  it('keeps lines short', () => {
    const found = violations(files, function* ({ lines }) {
      for (const [i, line] of lines.entries()) {
        if (line.length > MAX_LINE_LENGTH) yield `line ${i + 1} has ${line.length} characters`;
      }
    });
    expect(found).toEqual([]);
  });

  it('keeps functions short', () => {
    const found = violations(files, function* (file) {
      for (const node of file.nodes()) {
        // What describe() is given is a list of tests and no function of the program.
        if (!ts.isFunctionLike(node) || (file.isSpec && isSuite(node))) continue;
        const lines = file.lineCount(node);
        if (lines > MAX_FUNCTION_LINES) yield `${lines} lines from ${file.lineOf(node.pos)}`;
      }
    });
    expect(found).toEqual([]);
  });

  it('names files and classes by what they are', () => {
    const found = violations(files, function* (file) {
      const name = basename(file.path).replace(/\..*/, '');
      if (/^(utils?|helpers?|common|types|base|misc)$|^base-|-?manager$/.test(name)) yield name;
      if (name === 'index' && !file.path.startsWith('migrations/')) yield 'a barrel';
      for (const node of file.nodes()) {
        if (!ts.isClassDeclaration(node)) continue;
        if (/^Base[A-Z]|Manager$/.test(node.name?.text ?? '')) yield node.name!.text;
      }
    });
    expect(found).toEqual([]);
  });

  it('documents what is exported', () => {
    const found = violations(
      product.filter((f) => f.path.startsWith('src/') && !f.isSpec),
      function* (file) {
        for (const node of file.nodes()) {
          const isPublic = ts.isClassDeclaration(node) || ts.isFunctionDeclaration(node);
          if (!isPublic || !isExported(node) || isObvious(node)) continue;
          if (!file.hasDocComment(node)) yield `${node.name?.text} has no doc comment`;
        }
      },
    );
    expect(found).toEqual([]);
  });

  it('leaves nothing undone and switches no check off', () => {
    const marks = /\b(TODO|FIXME)\b|eslint-disable|@ts-(ignore|nocheck|expect-error)/;
    // Elsewhere it is the code of ISO 4217 for no currency.
    const mark = /(\/\/|\*) XXX\b/;
    const others = files.filter((file) => file.path !== 'test/tidy.spec.ts');
    const found = violations(others, function* ({ lines }) {
      for (const [i, line] of lines.entries()) {
        if (marks.test(line) || mark.test(line)) yield `line ${i + 1}: ${line}`;
      }
    });
    expect(found).toEqual([]);
  });

  it('runs every test', () => {
    const found = violations(
      files.filter((f) => f.isSpec),
      function* (file) {
        for (const node of file.nodes()) {
          if (ts.isCallExpression(node) && isSwitched(node.expression.getText())) {
            yield `line ${file.lineOf(node.getStart())}: ${node.expression.getText()}`;
          }
        }
      },
    );
    expect(found).toEqual([]);
  });

  it('asks for the time of day only where that is meant, since it can be set', () => {
    const asking = product.filter((f) => !f.isSpec && /\bDate\.now\b|\bDate\(\)/.test(f.text));
    expect(asking.map((f) => f.path).sort()).toEqual(TIME_OF_DAY);
  });

  it('opens connections where a session is made what we say', () => {
    const places = ['src/database/connections.ts', 'src/database/writer-connection.ts'];
    const others = product.filter(({ path, isSpec }) => !isSpec && !places.includes(path));
    const found = violations(others, function* (file) {
      for (const node of file.nodes()) {
        if (!ts.isNewExpression(node) || !/\b(Client|Pool)$/.test(node.expression.getText()))
          continue;
        yield `line ${file.lineOf(node.getStart())}: ${node.getText()}`;
      }
    });
    expect(found).toEqual([]);
  });

  it('reads the environment in one place', () => {
    const found = violations(product, function* ({ path, text }) {
      if (['src/config.ts', 'scripts/setup.mjs'].includes(path)) return;
      if (/process\s*\.\s*env\b|process\['env'\]/.test(text)) yield 'reads process.env';
    });
    expect(found).toEqual([]);
  });
});

describe('imports', () => {
  it('follow the shape of the program', () => {
    const found = violations(product, function* (file) {
      for (const item of file.imports) {
        const reason = forbiddenImport(file, item);
        if (reason !== undefined) yield `imports ${item.target}: ${reason}`;
      }
    });
    expect(found).toEqual([]);
  });

  it('bring no framework where the features alone are needed, as for a rebuild', () => {
    const loaded = loadedWith('src/features', product);
    expect(loaded.size).toBeGreaterThan(50);
    const heavy =
      /^(@nestjs\/|fastify|bullmq$|pg$|pino$|prom-client$|rxjs$|nodemailer$|@aws-sdk\/)/;
    const found = violations([...loaded], function* ({ imports }) {
      for (const { target, isPackage, isTypeOnly } of imports) {
        if (isPackage && !isTypeOnly && heavy.test(target)) yield `loads ${target}`;
      }
    });
    expect(found).toEqual([]);
  });

  it('make no cycles', () => {
    expect(cyclesOf(product)).toEqual([]);
  });

  it('bring events, creators and materializers no clock and no chance', () => {
    const forbidden = /^(Date|performance|process|setTimeout|setInterval|randomUUID|Math\.random)$/;
    const pure = product.filter((f) => /\.(events|creators?|materializers)\.ts$/.test(f.path));
    expect(pure.length).toBeGreaterThan(3);
    const found = violations(pure, function* (file) {
      for (const node of file.nodes()) {
        const isName = ts.isIdentifier(node) && !ts.isPropertyAccessExpression(node.parent);
        const isAccess = ts.isPropertyAccessExpression(node);
        const isObject = ts.isIdentifier(node) && !isName && isFirst(node);
        if (!isName && !isAccess && !isObject) continue;
        if (forbidden.test(node.getText())) yield `uses ${node.getText()}`;
      }
    });
    expect(found).toEqual([]);
  });
});

describe('the documents', () => {
  const written = documents();

  it('begin with a short first page', () => {
    const first = written.find(({ path }) => path === 'README.md');
    expect(first?.lines.length).toBeLessThanOrEqual(MAX_FIRST_PAGE_LINES);
    expect(written.length).toBeGreaterThan(5);
  });

  it('have no link that leads nowhere', () => {
    const found = written.flatMap((document) =>
      document.links.flatMap((link) => {
        const reason = link.leadsNowhere(written);
        return reason === undefined ? [] : [`${document.path}: ${link.target}: ${reason}`];
      }),
    );
    expect(found).toEqual([]);
    expect(written.flatMap(({ links }) => links).length).toBeGreaterThan(20);
  });

  it('name scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const found = written.flatMap(({ path, scriptNames }) =>
      scriptNames.filter((name) => !(name in scripts)).map((name) => `${path}: npm run ${name}`),
    );
    expect(found).toEqual([]);
  });

  it('can be reached from the first page', () => {
    const reached = new Set(['README.md']);
    for (const path of reached) {
      const links = written.find((document) => document.path === path)?.links ?? [];
      for (const { file } of links) {
        if (written.some((document) => document.path === file)) reached.add(file);
        else if (written.some((d) => d.path === `${file}/README.md`))
          reached.add(`${file}/README.md`);
      }
    }
    expect(written.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });
});

describe('SQL', () => {
  const program = product.filter((file) => file.path.startsWith('src/') && !file.isSpec);
  const scripts = product.filter((file) => file.path.startsWith('scripts/'));

  it('is text only where a comment says why the builder does not do', () => {
    const found = violations(program, function* (file) {
      for (const { isQuery, reason, line, fixed } of sqlTextsOf(file)) {
        if (isQuery && reason === undefined) yield `line ${line}: ${fixed.trim().slice(0, 40)}…`;
      }
    });
    expect(found).toEqual([]);
  });

  it('names columns so that the compiler knows them', () => {
    const found = violations(program, function* (file) {
      for (const { isStatement, reason, line, fixed } of sqlTextsOf(file)) {
        if (isStatement || reason !== undefined) continue;
        const name = /\b[a-z]\w*\.[a-z]\w*|\b[a-z]+_[a-z_]+\b(?!\()/.exec(fixed);
        if (name) yield `line ${line}: ${name[0]}`;
      }
    });
    expect(found).toEqual([]);
  });

  it('takes the names of our tables and columns from their definitions', () => {
    const declared = declaredNames(program);
    expect(declared.size).toBeGreaterThan(100);
    const found = violations([...program, ...scripts], function* (file) {
      for (const text of sqlTextsOf(file)) {
        // What a library or PostgreSQL itself declares may be called like something of ours.
        if (/\bown (tables|settings)\b/.test(text.reason ?? '')) continue;
        const names = namesIn(text).filter((name) => declared.has(name));
        if (names.length > 0) yield `line ${text.line}: ${names.join(', ')}`;
      }
    });
    expect(found).toEqual([]);
  });

  it('is asked of a database whose tables are known', () => {
    const found = violations(program, function* ({ path, text }) {
      // Migrations are about tables as they were.
      if (path === 'src/database/migrator.ts') return;
      if (/\b(kysely\w*|transaction|openPool)<(unknown|any)>/i.test(text)) yield 'Kysely<unknown>';
    });
    expect(found).toEqual([]);
  });
});

describe('what is released', () => {
  const frozenFile = join(PROJECT, 'test', 'frozen-migrations.json');

  it('keeps every migration as it was, in order', () => {
    const frozen = JSON.parse(readFileSync(frozenFile, 'utf8')) as Record<string, string>;
    const paths = [
      ...Object.keys(logMigrations).map((name) => `migrations/log/${name}.ts`),
      ...Object.keys(stateMigrations).map((name) => `migrations/state/${name}.ts`),
    ];
    const written = product.filter((f) => /^migrations\/.*\/(?!index)/.test(f.path));
    expect(paths).toEqual(written.map((f) => f.path));
    for (const names of [Object.keys(logMigrations), Object.keys(stateMigrations)]) {
      expect(names.map((name) => Number(name.slice(0, 4)))).toEqual(names.map((_, i) => i + 1));
    }
    // A new migration is added to the list by FREEZE_MIGRATIONS=1; a changed one never is.
    const found = Object.fromEntries(written.map((f) => [f.path, digestOf(f.text)]));
    const isFreezing = process.env['FREEZE_MIGRATIONS'] === '1';
    const expected = isFreezing ? { ...found, ...frozen } : frozen;
    if (isFreezing) writeFileSync(frozenFile, `${JSON.stringify(expected, null, 2)}\n`);
    expect(found).toEqual(expected);
  });

  it('has no download addresses in its lock file', () => {
    const lock = readFileSync(join(PROJECT, 'package-lock.json'), 'utf8');
    expect(lock).not.toContain('"resolved"');
  });
});

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function isSuite({ parent }: ts.Node): boolean {
  return ts.isCallExpression(parent) && /^describe\b/.test(parent.expression.getText());
}

function isExported(node: ts.ClassDeclaration | ts.FunctionDeclaration): boolean {
  return node.modifiers?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

/** Classes that list fields or routes, and functions of few statements, say what they are. */
function isObvious(node: ts.ClassDeclaration | ts.FunctionDeclaration): boolean {
  if (ts.isClassDeclaration(node))
    return /(Dto|Query|Controller|Module)$/.test(node.name?.text ?? '');
  return (node.body?.statements.length ?? 0) <= 3;
}

function isFirst(node: ts.Node): boolean {
  return ts.isPropertyAccessExpression(node.parent) && node.parent.expression === node;
}

function isSwitched(called: string): boolean {
  return /^(describe|it|test)\b.*\.(only|skip|todo|failing)\b|^(x|f)(it|describe|test)$/.test(
    called,
  );
}

/** The files that are loaded together with one. */
function loadedWith(module: string, of: readonly SourceFile[]): Set<SourceFile> {
  const byModule = new Map(of.map((file) => [file.module, file]));
  const loaded = new Set<SourceFile>();
  const load = (name: string) => {
    const file = byModule.get(name);
    if (!file || loaded.has(file)) return;
    loaded.add(file);
    for (const { target, isTypeOnly, isLazy } of file.imports) {
      if (!isTypeOnly && !isLazy) load(target);
    }
  };
  load(module);
  return loaded;
}

/** Circles of files that need each other, be it for a type: none of them can be read first. */
function cyclesOf(of: readonly SourceFile[]): string[] {
  const needs = new Map(
    of.map((file) => [
      file.module,
      file.imports.filter((i) => !i.isPackage && !i.isLazy).map((i) => i.target),
    ]),
  );
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (module: string, path: readonly string[]) => {
    if (path.includes(module)) {
      cycles.push([...path.slice(path.indexOf(module)), module].join(' → '));
      return;
    }
    if (done.has(module)) return;
    for (const next of needs.get(module) ?? []) walk(next, [...path, module]);
    done.add(module);
  };
  for (const module of needs.keys()) walk(module, []);
  return cycles;
}
