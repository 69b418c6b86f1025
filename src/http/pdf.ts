import { Readable } from 'node:stream';
import { Injectable, StreamableFile } from '@nestjs/common';
import { LedgerUnavailable } from '../engine/define/refusal';
import { Turns } from '../engine/session/turns';
import type { Reply } from './caller';
import type { PdfDocument } from './pdf-document';
import { Turns as LoopTurns } from './turns';

/** Documents that are made at once: each has some megabytes, of its fonts above all. */
const AT_ONCE = { atOnce: 4, queueLimit: 100, waitMs: 10_000 };

/** What draws a part of a document, a few milliseconds' worth. */
export type PdfPart = () => void;

/**
 * Answers of PDF, made part by part as their readers take them. Parts of all documents are drawn
 * one after the other, each in a turn of the event loop of its own.
 */
@Injectable()
export class PdfAnswers {
  private readonly documents = new Turns('documents', AT_ONCE);
  private readonly parts = new LoopTurns();

  /**
   * Waits until a document may be made, which it is until the reply has ended.
   * @throws LedgerUnavailable where too many are
   */
  async begin({ raw }: Reply): Promise<void> {
    const left = new AbortController();
    raw.once('close', () => left.abort(new LedgerUnavailable('The caller has left')));
    const pass = await this.documents.begin(left.signal);
    if (raw.destroyed || raw.writableFinished) pass();
    else raw.once('close', pass);
  }

  /** The answer that a document is, whose pages are drawn by the parts. */
  answer(
    name: string,
    document: PdfDocument,
    parts: AsyncGenerator<PdfPart> | Generator<PdfPart>,
  ): StreamableFile {
    const chunks = async function* (this: PdfAnswers) {
      for await (const part of parts) {
        await this.parts.take(part);
        const made = document.taken();
        if (made) yield made;
      }
      await this.parts.take(() => document.end());
      const rest = document.taken();
      if (rest) yield rest;
    };
    return new StreamableFile(Readable.from(chunks.call(this), { highWaterMark: 1 }), {
      type: 'application/pdf',
      disposition: `attachment; filename="${name}.pdf"`,
    });
  }
}
