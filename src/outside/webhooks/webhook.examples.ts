import { getSchemaPath, type ApiOperationOptions } from '@nestjs/swagger';
import type { LedgerEvent } from '../../engine/define/event';
import examples from '../../schemas/event-examples.json';
import { DeliveryBodyDto } from './webhook.dto';
import { deliveryBody } from './webhook.tasks';

/** What an event of a type says; the rest of an event is the same for all. */
interface EventExample {
  readonly version: number;
  readonly data: object;
}

/** One event of every type that is delivered, as it is in the log, by type. */
export const eventExamples: Readonly<Record<string, EventExample>> = examples;

const AT = '2026-11-30T18:00:00.000Z';
const ID = '00000000-0000-7000-8000-000000009999';

/** What a subscriber gets, made as deliveries are. */
function exampleOf(type: string, { version, data }: EventExample): object {
  const event: LedgerEvent = {
    ...{ position: 812, eventId: ID, type, version, data, occurredAt: AT, recordedAt: AT },
    ...{ actor: 'admin', commandId: ID, correlationId: null, causationId: null },
    hash: 'f'.repeat(64),
  };
  return JSON.parse(deliveryBody(event)) as object;
}

const NOT_DONE = 'Anything else is tried again later, with the same webhook-id';

/** Documents what subscriptions bring, with an example of every event type. */
export const EVENT_CALLBACKS: NonNullable<ApiOperationOptions['callbacks']> = {
  event: {
    '{$request.body#/url}': {
      post: {
        summary: 'An event that the subscription asked for',
        description:
          'Signed as the Standard Webhooks specification has it: webhook-id, webhook-timestamp ' +
          'and webhook-signature. Events come at least once, and not always in order.',
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: { $ref: getSchemaPath(DeliveryBodyDto) },
              examples: Object.fromEntries(
                Object.entries(eventExamples).map(([type, example]) => {
                  return [type, { value: exampleOf(type, example) }];
                }),
              ),
            },
          },
        },
        responses: {
          '2XX': { description: 'It was received' },
          default: { description: NOT_DONE },
        },
      },
    },
  },
};
