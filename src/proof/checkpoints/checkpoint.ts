import type { Head } from '../../engine/define/event';
import { NoteRefused, openNote, signNote, type SignerKey, type VerifierKey } from './signed-note';

/**
 * What a log was at a time, said by who wrote it: the hash at a position stands for every event up
 * to there. Its text, to the byte, is in checkpoint-format.md.
 */
export interface Checkpoint extends Head {
  /** What names the log: a URL without a scheme, as a rule. */
  readonly origin: string;
  /** RFC 3339 UTC with milliseconds; when it was signed. */
  readonly time: string;
}

/** Digits that the largest position has, so that names sort as positions do. */
const POSITION_DIGITS = 16;
const HASH_BYTES = 32;
const POSITION = /^(0|[1-9]\d{0,15})$/;
const BASE64 = /^[A-Za-z\d+/]{43}=$/;
const TIME = /^time (\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z)$/;

/** The file of a checkpoint, signed by `key` under the key's name. */
export function signCheckpoint(head: Head, time: string, key: SignerKey): Buffer {
  const hash = Buffer.from(head.hash, 'hex').toString('base64');
  const text = `${key.name}\n${head.position}\n${hash}\ntime ${time}\n`;
  return Buffer.from(signNote(text, key));
}

/** The name of a checkpoint's file: names sort by position, then by time. */
export function checkpointName({ position }: Head, time: string): string {
  const digits = String(position).padStart(POSITION_DIGITS, '0');
  return `${digits}-${time.replaceAll(/[-:.]/g, '')}.txt`;
}

/**
 * Reads a checkpoint that a trusted key signed under the name of the log.
 * @throws NoteRefused where it is none
 */
export function openCheckpoint(file: Uint8Array, trusted: readonly VerifierKey[]): Checkpoint {
  const { text, signers } = openNote(file, trusted);
  const [origin, position, hash, ...extensions] = text.slice(0, -1).split('\n');
  // A witness's signature alone says that it saw the checkpoint, not that the log made it.
  if (!signers.some((key) => key.name === origin)) {
    throw new NoteRefused(`No key that is trusted signed it as "${origin}"`);
  }
  const time = extensions.map((line) => TIME.exec(line)?.[1]).find((found) => found !== undefined);
  if (!POSITION.test(position ?? '') || !Number.isSafeInteger(Number(position))) {
    throw new NoteRefused('Its second line is no position');
  }
  const bytes = Buffer.from(hash ?? '', 'base64');
  if (!BASE64.test(hash ?? '') || bytes.length !== HASH_BYTES) {
    throw new NoteRefused('Its third line is no hash');
  }
  if (time === undefined || Number.isNaN(Date.parse(time))) throw new NoteRefused('It has no time');
  return { origin: origin!, position: Number(position), hash: bytes.toString('hex'), time };
}
