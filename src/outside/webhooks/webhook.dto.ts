import { ApiProperty, OmitType } from '@nestjs/swagger';
import { checkedBy, ClientId, field, OneOf, Text, textRule } from '../../http/fields';
import type { Check, Presence } from '../../http/fields';
import { PageQuery } from '../../http/page';
import { EventDto } from '../events/event.dto';
import { TASK_STATUSES, type TaskStatus } from '../tasks/task-database';
import { EVERY_TYPE } from './webhook.events';
import { isWebhookSecret } from './webhook.secrets';

const MAX_URL = 2000;
const MAX_EVENT_TYPES = 50;
const MAX_EVENT_TYPE = 100;
const STATUSES = ['active', 'disabled'];

const checkEventTypes: Check = (value) => {
  if (value === EVERY_TYPE) return undefined;
  const isList = Array.isArray(value) && value.length >= 1 && value.length <= MAX_EVENT_TYPES;
  if (!isList) return `must be a list of 1 to ${MAX_EVENT_TYPES} event types, or of "*" alone`;
  const types: unknown[] = value;
  if (types.some((type) => typeof type !== 'string' || type.length > MAX_EVENT_TYPE)) {
    return 'must be a list of event types';
  }
  return new Set(types).size === types.length ? undefined : 'must not have a type twice';
};

/** Which types there are, the controller knows. */
function EventTypes(): PropertyDecorator {
  const list = {
    type: 'array',
    items: { type: 'string', maxLength: MAX_EVENT_TYPE },
    minItems: 1,
    maxItems: MAX_EVENT_TYPES,
    uniqueItems: true,
  };
  return field(checkedBy('eventTypes', checkEventTypes), {
    oneOf: [list, { type: 'string', enum: [EVERY_TYPE] }],
    example: ['TransactionPosted'],
    description: 'Event types, or "*" for all of them',
  });
}

/** The base64 of 24 to 64 bytes as it is written, with no bits behind the last byte. */
const DIGIT = '[A-Za-z0-9+/]';
const SECRET =
  `^whsec_(?:(?:${DIGIT}{4}){8,21}(?:${DIGIT}[AQgw]==)?|` +
  `(?:${DIGIT}{4}){8,20}${DIGIT}{2}[AEIMQUYcgkosw048]=)$`;

function Secret(presence: Presence = { optional: true }): PropertyDecorator {
  return field(
    [
      textRule(
        'webhookSecret',
        isWebhookSecret,
        'must be "whsec_" and the base64 of 24 to 64 bytes',
      ),
    ],
    {
      type: 'string',
      pattern: SECRET,
      description: 'As the Standard Webhooks specification has it; made by the server if left out',
    },
    presence,
  );
}

export class SubscribeWebhookDto {
  @ClientId()
  clientId?: string;

  @Text(1, MAX_URL)
  url!: string;

  @EventTypes()
  eventTypes!: string[] | typeof EVERY_TYPE;

  @Secret()
  secret?: string;
}

export class RotateWebhookSecretDto {
  @Secret()
  secret?: string;
}

/** Switching a subscription off and on takes nothing; an empty object is accepted. */
export class SwitchWebhookDto {}

/** Delivering again takes nothing; an empty object is accepted. */
export class RedeliverWebhookDto {}

/** Reading one subscription takes no parameters. */
export class WebhookSubscriptionQuery {}

export class WebhookSubscriptionListQuery extends PageQuery {
  @OneOf(STATUSES, { optional: true })
  status?: 'active' | 'disabled';

  @ClientId()
  clientId?: string;
}

/** Deliveries come page by page. */
export class WebhookDeliveryListQuery extends PageQuery {}

/** A subscription as the API answers it; never with its secret. */
export class WebhookSubscriptionDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, nullable: true })
  clientId!: string | null;

  @ApiProperty()
  url!: string;

  @ApiProperty({ type: [String] })
  eventTypes!: string[];

  @ApiProperty({ enum: STATUSES })
  status!: 'active' | 'disabled';

  @ApiProperty({ type: 'integer', description: 'Grows with every rotation of the secret' })
  secretVersion!: number;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: 'integer', description: 'Position of the last event that changed it' })
  position!: number;
}

export class WebhookSubscriptionWithSecretDto extends WebhookSubscriptionDto {
  @ApiProperty({ description: 'Signs the deliveries; shown in this answer and in no other' })
  secret!: string;
}

/** An event as deliveries bring it: without what changes after it. */
export class DeliveredEventDto extends OmitType(EventDto, ['tasks', 'amended']) {}

/** The body of a delivery. */
export class DeliveryBodyDto {
  @ApiProperty({ description: 'The type of the event', example: 'TransactionPosted' })
  type!: string;

  @ApiProperty({ format: 'date-time', description: 'When the event was recorded' })
  timestamp!: string;

  @ApiProperty({ type: DeliveredEventDto })
  data!: DeliveredEventDto;
}

/** What became of the delivery of one event to one subscription. */
export class WebhookDeliveryDto {
  @ApiProperty({ format: 'uuid', description: 'The webhook-id of every attempt' })
  taskId!: string;

  @ApiProperty({ type: 'integer', description: 'Position of the event' })
  position!: number;

  @ApiProperty()
  eventType!: string;

  @ApiProperty({ enum: TASK_STATUSES })
  status!: TaskStatus;

  @ApiProperty({ type: 'integer' })
  attempts!: number;

  @ApiProperty({ type: String, nullable: true, description: 'Of the last attempt that failed' })
  lastError!: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'The status that the receiver answered with, or why nothing was sent',
    example: { status: 204 },
  })
  result!: object | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  doneAt!: string | null;
}
