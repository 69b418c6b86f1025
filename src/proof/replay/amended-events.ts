import { anyOf } from '../../database/arrays';
import { kyselyOn } from '../../database/connections';
import type { WriterConnection } from '../../database/writer-connection';
import {
  EventAmended,
  type EventAmendedData,
  type PositionRange,
} from '../../engine/catch-up/amendment.events';
import type { Originals } from '../../engine/catch-up/catch-up';
import type { Head, LedgerEvent } from '../../engine/define/event';
import { contentDigest, type EventContent } from '../../engine/catch-up/event-content';
import { eventOf, type LogDatabase } from '../../engine/write/event-log';
import { canonicalJson } from '../../engine/write/hash-chain';
import type { LogFinding } from './report';

/** An event as it was before one of its amendments. */
interface Backup {
  readonly position: number;
  readonly amendment: number;
  readonly eventId: string;
  readonly amendedAtPosition: number;
  readonly amendedAt: string;
  readonly amendedBy: string;
  readonly reason: string;
  readonly content: EventContent;
}

/** What an amended event is now. */
interface Present {
  readonly eventId: string;
  readonly content: EventContent;
}

/** What an `EventAmended` says, and where. */
type Announcement = EventAmendedData &
  Pick<LedgerEvent, 'actor' | 'recordedAt'> & { readonly announcedAt: number };

/**
 * The events that were amended. The hash chain is over what they were first, which is in the
 * backups, and over the `EventAmended` that say by digest what they are now: so whoever changes a
 * backup, an amended event, or either behind the other's back is found.
 */
export class AmendedEvents {
  /** What was hashed when the events were appended. */
  readonly originals: Originals;
  private readonly announced = new Map<number, Announcement>();

  private constructor(
    private readonly backups: readonly Backup[],
    private readonly present: ReadonlyMap<number, Present>,
    announcements: readonly LedgerEvent[],
  ) {
    const first = backups.filter(({ amendment }) => amendment === 1);
    this.originals = new Map(
      first.map(({ position, content: { type, version, data } }) => [
        position,
        { type, version, data: canonicalJson(data) },
      ]),
    );
    for (const event of announcements) this.see(event);
  }

  /** Those of a log that has none. */
  static none(): AmendedEvents {
    return new AmendedEvents([], new Map(), []);
  }

  /** Reads the backups, which are few, and the events that they are about. */
  static async read(log: WriterConnection): Promise<AmendedEvents> {
    const db = kyselyOn<LogDatabase>(() => log.current);
    const rows = await db
      .selectFrom('event_backup')
      .selectAll()
      .orderBy('position')
      .orderBy('amendment')
      .execute();
    const backups = rows.map((row) => ({
      position: row.position,
      amendment: row.amendment,
      eventId: row.event_id,
      amendedAtPosition: row.amended_at_position,
      amendedAt: row.amended_at,
      amendedBy: row.amended_by,
      reason: row.reason,
      content: contentOf(row),
    }));
    if (backups.length === 0) return AmendedEvents.none();
    const positions = backups.flatMap((b) => [b.position, b.amendedAtPosition]);
    const events = await db
      .selectFrom('event_log')
      .selectAll()
      .where('position', '=', anyOf('bigint', [...new Set(positions)]))
      .execute();
    const found = events.map(eventOf);
    const present = new Map(
      found.map((event) => [event.position, { eventId: event.eventId, content: contentOf(event) }]),
    );
    return new AmendedEvents(backups, present, found);
  }

  /** To be told of every event of the log, in any order: an amendment may have no backup. */
  see({ type, position, actor, recordedAt, data }: LedgerEvent): void {
    if (type !== EventAmended.type) return;
    const said = data as EventAmendedData;
    this.announced.set(position, { ...said, actor, recordedAt, announcedAt: position });
  }

  /** Between which events tasks differ from the recorded ones because of amendments. */
  get taskRanges(): PositionRange[] {
    return [...this.announced.values()].flatMap(({ tasksDiffer }) => tasksDiffer ?? []);
  }

  /** An event that a state contains and that was amended after that; undefined: there is none. */
  amendedSince({ position }: Head): number | undefined {
    const later = [...this.announced.values()].find(
      (a) => a.announcedAt > position && a.position <= position,
    );
    return later?.position;
  }

  /** What does not fit together, as far as a position of the log. */
  findings(upTo: number): LogFinding[] {
    const positions = new Set([
      ...this.backups.map((backup) => backup.position),
      ...[...this.announced.values()].map((announcement) => announcement.position),
    ]);
    return [...positions]
      .filter((position) => position <= upTo)
      .sort((a, b) => a - b)
      .flatMap((position) => {
        const detail = this.problemAt(position);
        return detail === undefined ? [] : [{ kind: 'event_changed', position, detail } as const];
      });
  }

  private problemAt(position: number): string | undefined {
    const backups = this.backups.filter((backup) => backup.position === position);
    const announced = [...this.announced.values()]
      .filter((announcement) => announcement.position === position)
      .sort((a, b) => a.announcedAt - b.announcedAt);
    const present = this.present.get(position);
    if (announced.length > backups.length) {
      const { announcedAt } = announced[backups.length]!;
      return `Event ${announcedAt} says that event ${position} was amended; there is no backup`;
    }
    for (const [i, backup] of backups.entries()) {
      const announcement = announced[i];
      const isItsOwn =
        announcement?.announcedAt === backup.amendedAtPosition &&
        announcement.amendment === backup.amendment &&
        backup.amendment === i + 1;
      if (!isItsOwn) return `There is a backup of event ${position} that no event speaks of`;
      const after = backups[i + 1] ?? present;
      if (
        !fits(backup, announcement, announcement.originalDigest) ||
        !isSaid(backup, announcement)
      ) {
        return `A backup of event ${position} is not what event ${announcement.announcedAt} says`;
      }
      if (!after || !fits(after, announcement, announcement.dataDigest)) {
        return `Event ${position} is not what event ${announcement.announcedAt} says it became`;
      }
    }
    return undefined;
  }
}

function fits({ eventId, content }: Present, said: Announcement, digest: string): boolean {
  return (
    eventId === said.eventId && content.type === said.type && contentDigest(content) === digest
  );
}

/** Whether a backup tells who amended the event, when and why as the log does. */
function isSaid(backup: Backup, { actor, recordedAt, reason }: Announcement): boolean {
  const { amendedBy, amendedAt } = backup;
  return amendedBy === actor && amendedAt === recordedAt && backup.reason === reason;
}

function contentOf({ type, version, data }: EventContent): EventContent {
  return { type, version, data };
}
