import { Inject, Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import type { DatabaseUrls } from '../../database/connections';
import { Registry } from '../../engine/define/registry';
import type { LogDatabase } from '../../engine/write/event-log';
import { CONFIG, DATABASE_URLS, LOG_READER } from '../../http/service-tokens';
import type { CheckpointConfig } from '../checkpoints/checkpoint-config';
import { replay } from '../replay/replay';
import type { ReplayReport, VerificationReport } from '../replay/report';
import type { RunProgress } from './run-recorder';
import { verifyBooks } from './verify-books';

/** What a verification is given by the process that does it. */
export interface VerifyWorkOptions extends RunProgress {
  readonly toPosition?: number;
  /** To be awaited after each page, so that commands keep their throughput. */
  readonly pace: () => Promise<void>;
}

/** What a replay is given. */
export interface ReplayWorkOptions extends RunProgress {
  /** To be awaited after each page of its first pass: the tail is caught up with at full speed. */
  readonly pace: () => Promise<void>;
  readonly acceptDifferences?: string;
}

/** The two kinds of work, as the program does them or a spec pretends to. */
export abstract class RunWork {
  abstract verify(options: VerifyWorkOptions): Promise<VerificationReport>;
  abstract replay(options: ReplayWorkOptions): Promise<ReplayReport>;
}

/** Verifies and replays the books of the service. */
@Injectable()
export class BooksWork implements RunWork {
  constructor(
    @Inject(DATABASE_URLS) private readonly urls: DatabaseUrls,
    @Inject(LOG_READER) private readonly logReader: Kysely<LogDatabase>,
    @Inject(CONFIG) private readonly config: { readonly checkpoints: CheckpointConfig },
    private readonly registry: Registry,
  ) {}

  verify(options: VerifyWorkOptions): Promise<VerificationReport> {
    const { urls, registry, logReader, config } = this;
    return verifyBooks({ urls, registry, logReader, config: config.checkpoints, ...options });
  }

  replay(options: ReplayWorkOptions): Promise<ReplayReport> {
    const { urls, registry } = this;
    return replay({ urls, registry, ...options });
  }
}
