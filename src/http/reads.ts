import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { Refusal } from '../engine/define/refusal';
import type { StateDatabase } from '../engine/define/state-table';
import { StateReader } from '../engine/session/state-reader';
import type { Reply } from './caller';
import { isReference, isUuid } from '../engine/define/reference';
import { invalidRequest } from './problem';

/** Reads the state for an answer, and says in a header how far that state goes. */
@Injectable()
export class Reads {
  constructor(private readonly state: StateReader) {}

  /**
   * Everything that `run` reads is of one snapshot, whose position it is told.
   * @throws LedgerUnavailable
   */
  async read<T>(
    reply: Reply,
    run: (db: Kysely<StateDatabase>, position: number) => Promise<T>,
  ): Promise<{ readonly position: number; readonly value: T }> {
    const read = await this.state.read(run);
    reply.header('ledger-position', read.position);
    return read;
  }

  /** The position of the state, for answers that come from the log. @throws LedgerUnavailable */
  async position(reply: Reply): Promise<number> {
    const { position } = await this.read(reply, () => Promise.resolve());
    return position;
  }

  /**
   * Reads as of a position that the caller may have named.
   * @throws Refusal `validation_failed` where the state has not come that far
   */
  async readAt<T>(
    reply: Reply,
    atPosition: number | undefined,
    run: (db: Kysely<StateDatabase>) => Promise<T>,
  ): Promise<{ readonly position: number; readonly value: T }> {
    const { position, value } = await this.read(reply, run);
    if (atPosition !== undefined && atPosition > position) {
      const message = `must not be above the ledger's position, ${position}`;
      throw invalidRequest({ pointer: '/atPosition', message });
    }
    return { position: atPosition ?? position, value };
  }
}

/** @throws Refusal `not_found` where there is no value */
export function found<T>(value: T | undefined, what: string, id: string): T {
  if (value !== undefined) return value;
  throw new Refusal('not_found', `There is no ${what} ${id}`);
}

/** An id in a path. What is no id names nothing; it must not even reach the database. */
export class ReferencePipe implements PipeTransform<string, string> {
  /** @throws Refusal `not_found` */
  transform(text: string, _: ArgumentMetadata): string {
    if (isReference(text)) return text;
    throw new Refusal('not_found', 'The path contains no id and no "client:" with a clientId');
  }
}

const POSITIVE = /^[1-9]\d{0,14}$/;

/** A position or another number from 1 in a path. */
export class NumberPipe implements PipeTransform<string, number> {
  /** @throws Refusal `not_found` */
  transform(text: string, _: ArgumentMetadata): number {
    if (POSITIVE.test(text)) return Number(text);
    throw new Refusal('not_found', 'The path contains no position');
  }
}

/** An id in a path of what has no clientId. */
export class IdPipe implements PipeTransform<string, string> {
  /** @throws Refusal `not_found` */
  transform(text: string, _: ArgumentMetadata): string {
    if (isUuid(text)) return text.toLowerCase();
    throw new Refusal('not_found', 'The path contains no id');
  }
}
