import { createReadStream } from 'node:fs';
import { ImportError } from './import-plan';

const NEWLINE = 0x0a;

/**
 * The text of a file, in pieces.
 * @param encoding as the WHATWG names it
 * @throws ImportError naming the line that has bytes which are no text in that encoding
 */
export async function* decodedText(file: string, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let lines = 0;
  const decode = (bytes: Buffer, stream: boolean) => {
    try {
      return decoder.decode(bytes, { stream });
    } catch {
      const line = lines + 1 + linesOfText(bytes, encoding);
      throw new ImportError(`${file} is not text in ${encoding} at line ${line}: give --encoding`);
    }
  };
  for await (const chunk of createReadStream(file)) {
    yield decode(chunk as Buffer, true);
    for (const byte of chunk as Buffer) if (byte === NEWLINE) lines++;
  }
  yield decode(Buffer.alloc(0), false);
}

/** How many whole lines at the beginning of some bytes are text; they may begin in a character. */
function linesOfText(bytes: Buffer, encoding: string): number {
  let from = 0;
  while (from < 3 && isContinuation(bytes[from])) from++;
  for (let lines = 0; ; lines++) {
    const at = bytes.indexOf(NEWLINE, from);
    if (at < 0 || !isText(bytes.subarray(from, at), encoding)) return lines;
    from = at + 1;
  }
}

function isContinuation(byte = 0): boolean {
  return byte >= 0x80 && byte < 0xc0;
}

function isText(bytes: Buffer, encoding: string): boolean {
  try {
    new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
