/** A file cannot be imported any further. What stands before the damaged place was imported. */
export class FileRefused extends Error {
  override readonly name = 'FileRefused';

  /**
   * @param line number of the line, from 1
   * @param position the last position of the pages before
   */
  constructor(
    readonly line: number,
    readonly position: number,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`Line ${line}, after the page up to position ${position}: ${reason}`, options);
  }
}

/** The log that should be added to is no beginning of the file's. */
export class AnotherLog extends Error {
  override readonly name = 'AnotherLog';
}
