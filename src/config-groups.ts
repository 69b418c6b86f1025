import { getHeapStatistics } from 'node:v8';
import {
  Flag,
  Folder,
  Group,
  Integer,
  IntegerOrOff,
  Key,
  ListMatching,
  Matching,
  Needed,
  PlainText,
  Schedule,
  Url,
} from './config-fields';
import { READ_LIMITS, type ReadLimits } from './engine/open-readers';
import type { EngineLimits } from './engine/write/ledger-parts';
import type { HttpLimits } from './http/http-limits';
import type {
  AdapterConfig,
  ObjectStoreConfig,
  WebhookPolicy,
} from './outside/adapters/adapter-config';
import type { EventLimits } from './outside/events/event-limits';
import type { TaskLimits } from './outside/tasks/task-limits';
import type { CheckpointConfig } from './proof/checkpoints/checkpoint-config';
import type { ScheduleConfig } from './proof/runs/schedule-config';

/** Shares of the memory that the process may have: what a body becomes is many times its bytes, */
const HEAP_SHARE = Math.round(getHeapStatistics().heap_size_limit / 32);
/** and of a command's events 14 times, with their rows and its answer (an accrual of interest). */
const EVENTS_SHARE = Math.round(getHeapStatistics().heap_size_limit / 20);
const GIB = 1024 ** 3;

/** Of the write path; what they bound, {@link EngineLimits} says. */
export class EngineSettings implements EngineLimits {
  @Integer({ variable: 'QUEUE_LIMIT', default: 10_000, min: 1, max: 1_000_000 })
  readonly queueLimit!: number;

  @Integer({ variable: 'BATCH_LIMIT', default: 256, min: 1, max: 10_000 })
  readonly batchLimit!: number;

  @Integer({ variable: 'BATCH_BYTES_LIMIT', default: 4_194_304, min: 1_024, max: 1_073_741_824 })
  readonly batchBytesLimit!: number;

  @Integer({ variable: 'COMMAND_BYTES_LIMIT', default: EVENTS_SHARE, min: 2 ** 20, max: 64 * GIB })
  readonly commandBytesLimit!: number;

  @Integer({ variable: 'LOCK_TIMEOUT_MS', default: 5_000, min: 10, max: 600_000 })
  readonly lockTimeoutMs!: number;

  @Integer({ variable: 'STATEMENT_TIMEOUT_MS', default: 30_000, min: 100, max: 3_600_000 })
  readonly statementTimeoutMs!: number;

  @Integer({ variable: 'RECOVERY_TIMEOUT_MS', default: 60_000, min: 100, max: 3_600_000 })
  readonly recoveryTimeoutMs!: number;
}

/** Of what comes in over HTTP; what they bound, {@link HttpLimits} says. */
export class HttpSettings implements HttpLimits {
  @Integer({ variable: 'BODY_BYTES_LIMIT', default: HEAP_SHARE, min: 65_536, max: 64 * GIB })
  readonly bodyBytesLimit!: number;

  @Integer({ variable: 'ANSWER_BYTES_LIMIT', default: HEAP_SHARE, min: 65_536, max: 64 * GIB })
  readonly answerBytesLimit!: number;

  @Integer({ variable: 'REQUEST_TIMEOUT_MS', default: 30_000, min: 100, max: 600_000 })
  readonly requestTimeoutMs!: number;

  @Integer({ variable: 'ANSWER_TIMEOUT_MS', default: 15_000, min: 100, max: 600_000 })
  readonly answerTimeoutMs!: number;

  @Integer({ variable: 'MAX_CONNECTIONS', default: 2_000, min: 10, max: 1_000_000 })
  readonly maxConnections!: number;

  @IntegerOrOff({
    ...{ variable: 'MAX_CONNECTIONS_PER_ADDRESS', min: 1, max: 1_000_000 },
    default: ({ maxConnections }: HttpSettings) => Math.round(maxConnections / 2) || undefined,
  })
  readonly connectionsPerAddress: number | undefined;

  @IntegerOrOff({ variable: 'RATE_LIMIT_PER_ADDRESS', default: 1_000, min: 1, max: 1_000_000 })
  readonly ratePerAddress: number | undefined;
}

/** Of what callers read; what they bound, {@link ReadLimits} says. */
export class ReadSettings implements Omit<ReadLimits, 'answerBytes'> {
  @Integer({ variable: 'READ_POOL_SIZE', default: READ_LIMITS.cheap, min: 1, max: 200 })
  readonly cheap!: number;

  @Integer({ variable: 'EXPENSIVE_READS', default: READ_LIMITS.expensive, min: 1, max: 200 })
  readonly expensive!: number;

  @Integer({ variable: 'READ_QUEUE_LIMIT', default: READ_LIMITS.queueLimit, min: 0, max: 100_000 })
  readonly queueLimit!: number;

  @Integer({ variable: 'READ_WAIT_MS', default: READ_LIMITS.waitMs, min: 10, max: 600_000 })
  readonly waitMs!: number;
}

/** Of tasks; what they bound, {@link TaskLimits} says. */
export class TaskSettings implements TaskLimits {
  @Integer({ variable: 'TASK_WINDOW', default: 10_000, min: 1, max: 1_000_000 })
  readonly windowTasks!: number;

  @Integer({ variable: 'TASK_POLL_MS', default: 1_000, min: 10, max: 600_000 })
  readonly pollMs!: number;

  @Integer({ variable: 'TASK_SWEEP_MS', default: 5_000, min: 10, max: 3_600_000 })
  readonly sweepMs!: number;

  @Integer({ variable: 'TASK_GRACE_MS', default: 30_000, min: 10, max: 3_600_000 })
  readonly graceMs!: number;

  @Integer({ variable: 'TASK_BACKOFF_MS', default: 1_000, min: 1, max: 3_600_000 })
  readonly backoffMs!: number;

  @Integer({ variable: 'TASK_MAX_BACKOFF_MS', default: 600_000, min: 1, max: 86_400_000 })
  readonly maxBackoffMs!: number;

  @Integer({ variable: 'TASK_LOCK_MS', default: 15_000, min: 100, max: 3_600_000 })
  readonly lockMs!: number;
}

/** Of the stream of events; what they bound, {@link EventLimits} says. */
export class EventSettings implements EventLimits {
  @Integer({ variable: 'EVENT_LISTENERS', default: 1_000, min: 1, max: 1_000_000 })
  readonly listeners!: number;

  @Integer({ variable: 'EVENT_HEARTBEAT_MS', default: 15_000, min: 10, max: 600_000 })
  readonly heartbeatMs!: number;
}

/** What servers other than Amazon's take for a region where none is set. */
const ANY_REGION = 'us-east-1';

/** A setting of object storage that the others make no sense without. */
function NeededOfS3(variable: string): PropertyDecorator {
  return Needed(`${variable} must be set where other S3_ variables are`);
}

/** Where objects are kept; what it means, {@link ObjectStoreConfig} says. */
export class ObjectStoreSettings implements ObjectStoreConfig {
  @Url({ variable: 'S3_ENDPOINT', protocols: ['http:', 'https:'], form: 'https://host' })
  readonly endpoint: string | undefined;

  // Amazon's endpoint follows from the region; other servers have an endpoint and any region.
  @NeededOfS3('S3_REGION')
  @PlainText({
    variable: 'S3_REGION',
    default: ({ endpoint }: ObjectStoreSettings) => (endpoint ? ANY_REGION : undefined),
  })
  readonly region!: string;

  @NeededOfS3('S3_BUCKET')
  @Matching({
    variable: 'S3_BUCKET',
    pattern: /^[a-z\d][\w.-]{2,254}$/i,
    form: '3 to 255 letters, digits, dots, hyphens and underscores',
  })
  readonly bucket!: string;

  @NeededOfS3('S3_ACCESS_KEY_ID')
  @PlainText({ variable: 'S3_ACCESS_KEY_ID' })
  readonly accessKeyId!: string;

  @NeededOfS3('S3_SECRET_ACCESS_KEY')
  @PlainText({ variable: 'S3_SECRET_ACCESS_KEY' })
  readonly secretAccessKey!: string;
}

/** Where webhooks may go; what it means, {@link WebhookPolicy} says. */
export class WebhookSettings implements WebhookPolicy {
  @Flag({ variable: 'WEBHOOK_ALLOW_HTTP' })
  readonly allowHttp!: boolean;

  @Flag({ variable: 'WEBHOOK_ALLOW_PRIVATE_ADDRESSES' })
  readonly allowPrivateAddresses!: boolean;
}

/** The folder of the embedded PostgreSQL, the admin key and the logs. */
export const DATA_DIR = { variable: 'DATA_DIR', default: '.data' };

const ADDRESS = String.raw`[^\s\p{Cc}<>@,;:"()\[\]\\]+@[a-z\d](?:[a-z\d.-]*[a-z\d])?`;
const NAME = String.raw`(?:"[^"\\\p{Cc}]*"|[^"\\<>@,;:()\p{Cc}]*)`;
const MAILBOX = new RegExp(`^(?:${NAME}\\s*<${ADDRESS}>|${ADDRESS})$`, 'iu');

/** Of what reaches the outside world. */
export class AdapterSettings implements AdapterConfig {
  @Folder(DATA_DIR)
  readonly dataDir!: string;

  @Url({ variable: 'SMTP_URL', protocols: ['smtp:', 'smtps:'], form: 'smtps://user:key@host' })
  readonly smtpUrl: string | undefined;

  @Matching({
    variable: 'MAIL_FROM',
    default: 'Truebook <truebook@localhost>',
    pattern: MAILBOX,
    form: 'a mailbox of the form Name <name@example.com>',
  })
  readonly mailFrom!: string;

  @Group(() => ObjectStoreSettings, { isOptional: true })
  readonly objectStore: ObjectStoreSettings | undefined;

  @Group(() => WebhookSettings)
  readonly webhooks!: WebhookSettings;

  @Key({ variable: 'SECRETS_KEY' })
  readonly secretsKey: Uint8Array | undefined;
}

const PUBLIC_KEY = /^[^\s+,\p{C}]+\+[\da-f]{8}\+[A-Za-z\d+/]{44}$/u;

/** Of signed checkpoints. */
export class CheckpointSettings implements CheckpointConfig {
  @Folder(DATA_DIR)
  readonly dataDir!: string;

  @Group(() => ObjectStoreSettings, { isOptional: true })
  readonly objectStore: ObjectStoreSettings | undefined;

  @Folder({ variable: 'CHECKPOINTS_DIR' })
  readonly directory: string | undefined;

  @Key({ variable: 'CHECKPOINT_KEY' })
  readonly key: Uint8Array | undefined;

  @Matching({
    variable: 'CHECKPOINT_ORIGIN',
    pattern: /^[^\s+,\p{C}]{1,200}$/u,
    form: '1 to 200 characters without spaces, plus signs and commas',
  })
  readonly origin: string | undefined;

  @ListMatching({
    variable: 'CHECKPOINT_PUBLIC_KEYS',
    pattern: PUBLIC_KEY,
    form: 'public keys as "npm run checkpoint -- --public-key" prints them, with commas',
  })
  readonly publicKeys: readonly string[] | undefined;
}

/** When the service proves itself, as cron says it. */
export class ScheduleSettings implements ScheduleConfig {
  @Schedule({ variable: 'VERIFY_SCHEDULE', default: '0 3 * * *' })
  readonly verify: string | undefined;

  @Schedule({ variable: 'CHECKPOINT_SCHEDULE', default: '0 * * * *' })
  readonly checkpoint: string | undefined;
}
