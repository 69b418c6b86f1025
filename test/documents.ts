import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { PROJECT } from './source-files';

/** Folders of the project that hold no documents of ours. */
const FOREIGN = /^(node_modules|dist|coverage|\.(?!ci$).*)$/;

/** A link of a document to something else of the project. */
export class Link {
  /** The file or folder that it leads to, below the project, with `/`. */
  readonly file: string;
  /** What stands behind `#`; empty without one. */
  readonly anchor: string;

  constructor(
    from: string,
    readonly target: string,
  ) {
    const [path = '', anchor = ''] = target.split('#');
    const joined = path === '' ? from : posix.join(posix.dirname(from), decodeURI(path));
    this.file = joined.replace(/\/$/, '');
    this.anchor = anchor;
  }

  /** Why it leads nowhere; undefined where it does lead somewhere. */
  leadsNowhere(all: readonly Document[]): string | undefined {
    if (!existsSync(join(PROJECT, this.file))) return 'there is no such file';
    if (this.anchor === '') return undefined;
    const document = all.find(({ path }) => path === this.file);
    return document?.anchors.has(this.anchor) ? undefined : 'there is no such heading';
  }
}

/** A Markdown file with what the rules ask about. */
export class Document {
  readonly lines: readonly string[];
  /** Those that lead to the project itself. */
  readonly links: readonly Link[];
  /** What links can name its headings by. */
  readonly anchors: ReadonlySet<string>;
  /** Scripts that it tells the reader to run. */
  readonly scriptNames: readonly string[];

  /** @param path below the project, with `/` */
  constructor(readonly path: string) {
    const text = readFileSync(join(PROJECT, path), 'utf8');
    this.lines = text.replace(/\n$/, '').split('\n');
    const fences = /^( *)```[^]*?^\1```$/gm;
    const inline = /`[^`\n]*`/g;
    // What stands in code is no heading and no link, and only there a script is named.
    const prose = text.replace(fences, '');
    const code = [...(text.match(fences) ?? []), ...(prose.match(inline) ?? [])].join('\n');
    const headings = [...prose.matchAll(/^#{1,6} +(.*)$/gm)].map((match) => anchorOf(match[1]!));
    this.anchors = new Set(headings);
    this.links = [...prose.replace(inline, '').matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !/^[a-z]+:/i.test(target))
      .map((target) => new Link(path, target));
    const runs = code.matchAll(/npm run (?:-\S+ )*([a-z][\w:-]*)/g);
    this.scriptNames = [...runs].map((match) => match[1]!);
  }
}

/** A heading's anchor as GitHub makes it: lower case, hyphens for spaces, no other punctuation. */
function anchorOf(heading: string): string {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return plain.replace(/[^\p{Letter}\p{Number} _-]/gu, '').replaceAll(' ', '-');
}

/** Every Markdown file of the project. */
export function documents(): Document[] {
  return markdownBelow('').map((path) => new Document(path));
}

function markdownBelow(folder: string): string[] {
  return readdirSync(join(PROJECT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return FOREIGN.test(entry.name) ? [] : markdownBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}
