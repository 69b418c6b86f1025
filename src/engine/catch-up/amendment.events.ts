import { defineEvent } from '../define/event';
import type { Uuid } from '../define/event-fields';

/** A part of the log, both ends included. */
export interface PositionRange {
  /**
   * @asType integer
   * @minimum 1
   */
  from: number;
  /**
   * @asType integer
   * @minimum 1
   */
  to: number;
}

/** Of an event the log keeps the hash of what it was first; this says what it became, and why. */
export interface EventAmendedData {
  /**
   * Which amendment of the event this is, from 1.
   * @asType integer
   * @minimum 1
   */
  amendment: number;
  /**
   * SHA-256 of the event's canonical type, version and data as they are now.
   * @pattern ^[0-9a-f]{64}$
   */
  dataDigest: string;
  /** Id of the amended event. */
  eventId: Uuid;
  /**
   * @asType integer
   * @minimum 1
   */
  fromVersion: number;
  /**
   * The same digest of what was there before, which is in the backup.
   * @pattern ^[0-9a-f]{64}$
   */
  originalDigest: string;
  /**
   * Position of the amended event.
   * @asType integer
   * @minimum 1
   */
  position: number;
  reason: string;
  /** Between which events other tasks are asked for than were recorded when they happened. */
  tasksDiffer: PositionRange | null;
  /**
   * @asType integer
   * @minimum 1
   */
  toVersion: number;
  /** Type of the amended event. */
  type: string;
}
export const EventAmended = defineEvent<EventAmendedData>('EventAmended');
