import type { WantedData } from './planned-change';

interface AmendmentOrigin {
  readonly actor: string;
  readonly idempotencyKey?: string | undefined;
  readonly correlationId?: string | undefined;
  /** What would become of it: everything is rebuilt and compared, and nothing kept. */
  readonly dryRun?: boolean;
}

/** An event is to have other data. */
export interface AmendEventCommand extends AmendmentOrigin {
  readonly name: 'AmendEvent';
  readonly input: WantedData & {
    readonly reason: string;
    /** More events that can only be amended together with it. */
    readonly also?: readonly WantedData[] | undefined;
  };
}

/** An event is to be again what it was before one of its amendments. */
export interface RestoreEventCommand extends AmendmentOrigin {
  readonly name: 'RestoreEvent';
  readonly input: {
    readonly position: number;
    readonly amendment: number;
    readonly reason: string;
  };
}

export type AmendmentCommand = AmendEventCommand | RestoreEventCommand;
