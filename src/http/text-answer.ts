import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';

/**
 * An answer of text that is made piece by piece as its reader takes it, so that memory does not
 * grow with it. The first piece is there before the answer begins: what it refuses is a refusal.
 * Where a later one fails the connection is cut, so that no reader takes a part for the whole.
 * @param file name that a browser saves it by
 */
export async function textAnswer(
  file: string,
  type: 'text/plain' | 'text/csv',
  pieces: AsyncGenerator<string>,
): Promise<StreamableFile> {
  const first = await pieces.next();
  const texts = async function* () {
    if (!first.done && first.value !== '') yield first.value;
    for await (const text of pieces) if (text !== '') yield text;
  };
  return new StreamableFile(Readable.from(texts(), { highWaterMark: 1 }), {
    type: `${type}; charset=utf-8`,
    disposition: `attachment; filename="${file}"`,
  });
}
