import PdfKit from 'pdfkit';
import { isPlain, printable, wideFont, wrapped } from './pdf-text';
import { piecesOf } from './text-direction';

/** How text is set. Sizes and places are in points, 1/72 inch, from the top left corner. */
export interface PdfStyle {
  readonly size: number;
  readonly isBold?: boolean;
}

/** A4 on its side. */
export const PDF_PAGE = { width: 841.89, height: 595.28, margin: 36 } as const;
const FOOTER: PdfStyle = { size: 7 };
/** Letters of all fonts stand on one line, so much of their size below the top. */
const ASCENT = 0.75;
const PLAIN = 'Helvetica';
const BOLD = 'Helvetica-Bold';
const WIDE = 'Wide';

/**
 * A document that is written page by page: what was drawn on earlier pages is taken away while
 * later ones are drawn, so that memory does not grow with it, but by some numbers a page. How many
 * pages there are is drawn on each of them all the same: a drawing that all of them show is written
 * at the end.
 */
export class PdfDocument {
  private readonly kit: PDFKit.PDFDocument;
  private readonly pageCount: PDFKit.PDFKitReference;
  private readonly widths = new Map<string, number>();
  private pages = 0;

  /** @param foot what stands at the foot of each page, beside its number */
  constructor(
    title: string,
    private readonly foot: string,
  ) {
    this.kit = new PdfKit({
      ...{ size: [PDF_PAGE.width, PDF_PAGE.height], margin: 0, autoFirstPage: false },
      ...{ info: { Title: title, Creator: 'Truebook' }, displayTitle: true },
    });
    this.kit.registerFont(WIDE, wideFont().bytes);
    this.pageCount = this.kit.ref({
      ...{ Type: 'XObject', Subtype: 'Form', BBox: [0, -FOOTER.size, 100, FOOTER.size] },
      Resources: { Font: { F: this.plainFont() } },
    });
    this.addPage();
  }

  /** Begins the next page. */
  addPage(): void {
    this.kit.addPage();
    this.pages++;
    const { width, height, margin } = PDF_PAGE;
    const [top, right] = [height - margin + 6, width - margin];
    const number = `Page ${this.pages} of `;
    const room = this.widthOf('0', FOOTER) * 6;
    this.text(this.cut(this.foot, FOOTER, width - 2 * margin - 150), margin, top, FOOTER);
    this.textBefore(number, right - room, top, FOOTER);
    const drawings = this.kit.page.xobjects as Record<string, PDFKit.PDFKitReference>;
    drawings['PageCount'] = this.pageCount;
    const baseline = top + FOOTER.size * ASCENT;
    this.kit.addContent(`q 1 0 0 -1 ${right - room} ${baseline} cm /PageCount Do Q`);
  }

  /** A text in lines of a width. */
  lines(text: string, style: PdfStyle, width: number): string[] {
    const shown = printable(text);
    const font = fontOf(shown, style);
    return wrapped(shown, width / style.size, (character) => this.characterWidth(character, font));
  }

  /** Draws one line, from a place to the right. */
  text(line: string, x: number, y: number, style: PdfStyle): void {
    const shown = printable(line);
    this.kit.font(fontOf(shown, style)).fontSize(style.size);
    const features: PDFKit.Mixins.OpenTypeFeatures[] = [];
    let left = x;
    for (const piece of piecesOf(shown)) {
      const width = this.kit.widthOfString(piece, { features });
      const options = { lineBreak: false, features, baseline: 'alphabetic' } as const;
      // What is known is not measured again; the types do not have it.
      this.kit.text(piece, left, y + style.size * ASCENT, {
        ...options,
        textWidth: width,
      } as object);
      left += width;
    }
  }

  /** Draws one line, so that it ends at a place. */
  textBefore(line: string, right: number, y: number, style: PdfStyle): void {
    this.text(line, right - this.widthOf(line, style), y, style);
  }

  /** How wide a line is. */
  widthOf(line: string, style: PdfStyle): number {
    const shown = printable(line);
    return this.kit
      .font(fontOf(shown, style))
      .fontSize(style.size)
      .widthOfString(shown, { features: [] });
  }

  /** Draws a thin line across a page. */
  rule(left: number, right: number, y: number): void {
    this.kit.moveTo(left, y).lineTo(right, y).lineWidth(0.5).stroke('#888888');
  }

  /** Writes the end. Nothing is drawn any more. */
  end(): void {
    this.pageCount.end(`BT /F ${FOOTER.size} Tf (${this.pages}) Tj ET`);
    this.kit.end();
  }

  /** What was made since the last time; undefined: nothing was. */
  taken(): Buffer | undefined {
    return (this.kit.read() as Buffer | null) ?? undefined;
  }

  private plainFont(): PDFKit.PDFKitReference {
    const font = this.kit.ref({
      ...{ Type: 'Font', Subtype: 'Type1', BaseFont: PLAIN, Encoding: 'WinAnsiEncoding' },
    });
    font.end(undefined);
    return font;
  }

  /** A line, or as much of it as has room. */
  private cut(text: string, style: PdfStyle, width: number): string {
    const [first, ...more] = this.lines(text.replaceAll('\n', ' '), style, width);
    return more.length > 0 ? `${first}…` : first!;
  }

  /** In sizes of the font. */
  private characterWidth(character: string, font: string): number {
    const key = `${font} ${character}`;
    let width = this.widths.get(key);
    if (width === undefined) {
      width = this.kit.font(font).fontSize(1).widthOfString(character, { features: [] });
      this.widths.set(key, width);
    }
    return width;
  }
}

/** All of a line has one font. */
function fontOf(text: string, { isBold = false }: PdfStyle): string {
  if (!isPlain(text.replaceAll('\n', ''))) return WIDE;
  return isBold ? BOLD : PLAIN;
}
