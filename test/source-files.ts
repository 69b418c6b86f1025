import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

export const PROJECT = join(__dirname, '..');
const FOLDERS = ['src', 'migrations', 'scripts', 'test'];

/** An import of one file by another, or of a package. */
export interface Import {
  /** Path below the project without extension, or the package's name. */
  readonly target: string;
  readonly isPackage: boolean;
  /** Whether it leaves nothing in the compiled program. */
  readonly isTypeOnly: boolean;
  /** Whether it is loaded when a function asks for it, and not together with the file. */
  readonly isLazy: boolean;
}

/** A source file with what the rules of style ask about. */
export class SourceFile {
  readonly text: string;
  readonly lines: readonly string[];
  readonly imports: readonly Import[];
  private readonly tree: ts.SourceFile;

  /** @param path below the project, with `/` */
  constructor(readonly path: string) {
    this.text = readFileSync(join(PROJECT, path), 'utf8');
    this.lines = this.text.replace(/\n$/, '').split('\n');
    this.tree = ts.createSourceFile(path, this.text, ts.ScriptTarget.Latest, true);
    this.imports = this.readImports();
  }

  /** The path without `.ts`, as imports name it. */
  get module(): string {
    return this.path.replace(/\.(ts|mjs)$/, '');
  }

  get isSpec(): boolean {
    return this.path.endsWith('.spec.ts');
  }

  /** Every node of the syntax tree. */
  *nodes(node: ts.Node = this.tree): Generator<ts.Node> {
    yield node;
    for (const child of node.getChildren(this.tree)) yield* this.nodes(child);
  }

  lineOf(position: number): number {
    return this.tree.getLineAndCharacterOfPosition(position).line + 1;
  }

  /** Lines of a node, without the comment before it. */
  lineCount(node: ts.Node): number {
    return this.lineOf(node.getEnd()) - this.lineOf(node.getStart(this.tree)) + 1;
  }

  hasDocComment(node: ts.Node): boolean {
    return ts.getJSDocCommentsAndTags(node).length > 0;
  }

  private readImports(): Import[] {
    const found: Import[] = [];
    for (const node of this.tree.statements) {
      if (!ts.isImportDeclaration(node) && !ts.isExportDeclaration(node)) continue;
      if (!node.moduleSpecifier) continue;
      const name = (node.moduleSpecifier as ts.StringLiteral).text;
      found.push(this.importOf(name, { isTypeOnly: isTypeOnly(node), isLazy: false }));
    }
    if (!this.text.includes('import(')) return found;
    for (const node of this.nodes()) {
      const name = lazilyImported(node);
      if (name !== undefined) found.push(this.importOf(name, { isTypeOnly: false, isLazy: true }));
    }
    return found;
  }

  private importOf(name: string, how: Pick<Import, 'isTypeOnly' | 'isLazy'>): Import {
    if (!name.startsWith('.')) {
      const parts = name.split('/').slice(0, name.startsWith('@') ? 2 : 1);
      return { target: parts.join('/'), isPackage: true, ...how };
    }
    const path = join(dirname(this.path), name).replaceAll('\\', '/');
    return { target: path.replace(/\.js$/, ''), isPackage: false, ...how };
  }
}

/** What an `import('…')` names. */
function lazilyImported(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) return;
  const [name] = node.arguments;
  return name && ts.isStringLiteral(name) ? name.text : undefined;
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const clause = node.importClause;
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  if (clause.name || !named || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly);
}

/** Every source file of the project. */
export function sourceFiles(): SourceFile[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(PROJECT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
      .map((entry) => relative(PROJECT, join(entry.parentPath, entry.name)).replaceAll('\\', '/')),
  )
    .sort()
    .map((path) => new SourceFile(path));
}
