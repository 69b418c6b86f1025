import ts from 'typescript';
import type { SourceFile } from './source-files';

/** SQL that is written out in the program: in a `sql` template, or as text for a connection. */
export interface SqlText {
  readonly line: number;
  /** What it says whatever is filled in, which stands here as `?`. */
  readonly fixed: string;
  /** Whether it is a whole statement of those that the builder can write. */
  readonly isQuery: boolean;
  /** Whether it is a whole statement: also of those that the builder has no word for. */
  readonly isStatement: boolean;
  /** What a comment before it, or before what it is part of, says about why it is text. */
  readonly reason: string | undefined;
}

const QUERY = /^[\s(]*(select|insert|update|delete|merge|with|values)\b/i;
const STATEMENT =
  /^\s*(lock|set|create|alter|drop|grant|analyze|declare|fetch|close|begin|copy)\b/i;
/** Text that is no English, which begins with capitals and goes on in other words. */
const PLAIN_STATEMENT = new RegExp(
  String.raw`^[\s(]*(begin;\s*)?(` +
    [
      String.raw`select\s`,
      String.raw`(insert|merge) into\s`,
      String.raw`update\s+\S+\s+((as\s+)?\w+\s+)?set\s`,
      String.raw`delete from\s`,
      String.raw`with\s+\w+\s+as\b`,
      String.raw`copy\s[^]*\s(from stdin|to stdout)`,
      String.raw`(lock|truncate|alter|create|drop)\s+(table|schema|index|database|role|default)\b`,
      String.raw`(declare\s+\S+\s[^]*cursor|fetch\s+\S+\s+from|analyze|grant)\s`,
    ].join('|') +
    ')',
);

/** Every SQL text of a file. */
export function* sqlTextsOf(file: SourceFile): Generator<SqlText> {
  for (const node of file.nodes()) {
    const fixed = fixedTextOf(node);
    if (fixed === undefined) continue;
    const isTemplate = ts.isTaggedTemplateExpression(node);
    if (!isTemplate && !PLAIN_STATEMENT.test(fixed)) continue;
    const isQuery = QUERY.test(fixed);
    yield {
      line: file.lineOf(node.getStart()),
      fixed,
      isQuery,
      isStatement: isQuery || STATEMENT.test(fixed),
      reason: reasonOf(node),
    };
  }
}

/** The words of a SQL text that are no strings, functions or new names. */
export function namesIn({ fixed }: SqlText): string[] {
  const names = fixed.replaceAll(/'[^']*'/g, '?').replaceAll(/\b(as|create|set local) "?\w+/g, '?');
  return names.match(/\b[a-z]\w*\b(?!\()/g) ?? [];
}

/** The names of all tables and columns that these files declare. */
export function declaredNames(files: readonly SourceFile[]): Set<string> {
  const names = new Set<string>();
  for (const file of files) {
    for (const node of file.nodes()) {
      if (ts.isPropertyAssignment(node) && isColumn(node.initializer)) names.add(nameOf(node));
      if (ts.isPropertyAssignment(node) && isTableName(node)) names.add(node.initializer.text);
      if (ts.isInterfaceDeclaration(node) && /(Database|Tables)$/.test(node.name.text)) {
        for (const table of node.members.filter(ts.isPropertySignature)) {
          names.add(nameOf(table));
          if (!table.type || !ts.isTypeLiteralNode(table.type)) continue;
          for (const { name } of table.type.members) if (name) names.add(name.getText());
        }
      }
    }
  }
  return names;
}

function nameOf({ name }: ts.PropertyAssignment | ts.PropertySignature): string {
  return name.getText();
}

/** `column.text().nullable()` and its like. */
function isColumn(node: ts.Expression): boolean {
  return ts.isCallExpression(node) && /^column\.\w+(<[^(]*>)?\(/.test(node.getText());
}

/** The name of what has columns. */
function isTableName(
  node: ts.PropertyAssignment,
): node is ts.PropertyAssignment & { readonly initializer: ts.StringLiteral } {
  const hasColumns = node.parent.properties.some((p) => p.name?.getText() === 'columns');
  return hasColumns && nameOf(node) === 'name' && ts.isStringLiteral(node.initializer);
}

/** The text of a `sql` template, or of a string that is no part of a longer one. */
function fixedTextOf(node: ts.Node): string | undefined {
  if (ts.isTaggedTemplateExpression(node)) {
    return node.tag.getText() === 'sql' ? textOf(node.template) : undefined;
  }
  if (isSum(node.parent) || ts.isTaggedTemplateExpression(node.parent ?? node)) return undefined;
  return isSum(node) || isText(node) ? textOf(node) : undefined;
}

function textOf(node: ts.Node): string {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (isSum(node)) return textOf(node.left) + textOf(node.right);
  if (!ts.isTemplateExpression(node)) return '?';
  return node.head.text + node.templateSpans.map((span) => `?${span.literal.text}`).join('');
}

function isText(node: ts.Node): boolean {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

function isSum(node: ts.Node | undefined): node is ts.BinaryExpression {
  return (
    node !== undefined &&
    ts.isBinaryExpression(node) &&
    node.operatorToken.kind === ts.SyntaxKind.PlusToken
  );
}

function reasonOf(node: ts.Node): string | undefined {
  const text = node.getSourceFile().text;
  for (let at: ts.Node | undefined = node; at && !ts.isSourceFile(at); at = at.parent) {
    const comment = text.slice(at.pos, at.getStart());
    const reason = /SQL as text: ([^]*)/.exec(comment);
    if (reason) return reason[1];
  }
  return undefined;
}
