import { getDocumentProxy } from 'unpdf';

/** A piece of text on a page, in points from the top left corner. */
export interface PdfText {
  readonly text: string;
  readonly x: number;
  /** Where it ends. */
  readonly right: number;
  readonly y: number;
}

/** A document as PDF.js reads it. */
export interface ReadPdf {
  readonly pages: number;
  /** The texts of a page, from 1, from top to bottom and left to right. */
  page(number: number): Promise<PdfText[]>;
  close(): Promise<void>;
}

interface Item {
  readonly str: string;
  readonly transform: readonly number[];
  readonly width: number;
}

export async function readPdf(bytes: Uint8Array): Promise<ReadPdf> {
  const document = await getDocumentProxy(new Uint8Array(bytes));
  return {
    pages: document.numPages,
    async page(number) {
      const page = await document.getPage(number);
      const { height } = page.getViewport({ scale: 1 });
      const { items } = await page.getTextContent();
      const texts = (items as Item[])
        .filter(({ str }) => str.trim() !== '')
        .map(({ str, transform, width }) => {
          const [x, y] = [transform[4]!, height - transform[5]!];
          return { text: str.trim(), x, right: x + width, y };
        });
      page.cleanup();
      return texts.sort((a, b) => a.y - b.y || a.x - b.x);
    },
    close: () => document.destroy(),
  };
}

/** The texts of a page by line. */
export function linesOf(texts: readonly PdfText[]): PdfText[][] {
  const byLine = Map.groupBy(texts, ({ y }) => Math.round(y * 10));
  return [...byLine].sort(([a], [b]) => a - b).map(([, line]) => line);
}
