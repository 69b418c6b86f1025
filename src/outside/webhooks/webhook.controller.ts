import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiCommand, ApiRead, pageDto } from '../../http/api-docs';
import type { Reply } from '../../http/caller';
import { AsCommand, Commands, type CommandRequest } from '../../http/commands';
import {
  checkOwner,
  cursorKey,
  limitOf,
  listOf,
  pageOf,
  pageWith,
  type Page,
  orderOf,
} from '../../http/page';
import { Permission } from '../../http/permission';
import { found, IdPipe, Reads, ReferencePipe } from '../../http/reads';
import { TaskActions } from '../tasks/task-actions';
import type { TaskPlace } from '../tasks/task.queries';
import {
  DisableWebhook,
  EnableWebhook,
  RotateWebhookSecret,
  SubscribeWebhook,
} from './webhook.creators';
import { deliveryView, findDelivery, listDeliveries, redeliveredView } from './webhook.deliveries';
import { EVENT_CALLBACKS } from './webhook.examples';
import {
  DeliveryBodyDto,
  RedeliverWebhookDto,
  RotateWebhookSecretDto,
  SubscribeWebhookDto,
  SwitchWebhookDto,
  WebhookDeliveryDto,
  WebhookDeliveryListQuery,
  WebhookSubscriptionDto,
  WebhookSubscriptionListQuery,
  WebhookSubscriptionQuery,
  WebhookSubscriptionWithSecretDto,
} from './webhook.dto';
import { WebhookIntake } from './webhook.intake';
import { listSubscriptions, readSubscription } from './webhook.queries';
import { webhookSubscriptionView } from './webhook.view';

const WebhookSubscriptionPage = pageDto(WebhookSubscriptionDto);
const WebhookDeliveryPage = pageDto(WebhookDeliveryDto);

@ApiTags('webhooks')
@Controller('v1/webhook-subscriptions')
export class WebhookController {
  constructor(
    private readonly commands: Commands,
    private readonly reads: Reads,
    private readonly intake: WebhookIntake,
    private readonly actions: TaskActions,
  ) {}

  @Post()
  @Permission('webhooks.subscribe')
  @ApiExtraModels(DeliveryBodyDto)
  @ApiOperation({
    summary: 'Have events delivered to a URL, signed as Standard Webhooks has it',
    callbacks: EVENT_CALLBACKS,
  })
  @ApiCommand({
    status: 201,
    type: WebhookSubscriptionWithSecretDto,
    problems: ['client_id_taken', 'webhook_limit_reached'],
  })
  async subscribe(
    @AsCommand() request: CommandRequest,
    @Body() { secret, eventTypes: types, ...rest }: SubscribeWebhookDto,
  ): Promise<WebhookSubscriptionWithSecretDto> {
    const eventTypes = typeof types === 'string' ? [types] : types;
    this.intake.check(rest.url, eventTypes);
    const input = { ...rest, eventTypes, ...this.intake.sealed(secret) };
    const view = await this.commands.submit(request, SubscribeWebhook, input);
    return this.intake.withSecret(view, secret);
  }

  @Post(':id/rotate-secret')
  @Permission('webhooks.rotate-secret')
  @ApiOperation({ summary: 'Change the secret; for 24 hours the old one signs as well' })
  @ApiCommand({ status: 200, type: WebhookSubscriptionWithSecretDto, problems: ['not_found'] })
  async rotateSecret(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) subscriptionId: string,
    @Body() { secret }: RotateWebhookSecretDto,
  ): Promise<WebhookSubscriptionWithSecretDto> {
    const input = { subscriptionId, ...this.intake.sealed(secret) };
    const view = await this.commands.submit(request, RotateWebhookSecret, input);
    return this.intake.withSecret(view, secret);
  }

  @Post(':id/disable')
  @Permission('webhooks.disable')
  @ApiOperation({ summary: 'Deliver nothing more, also nothing that waits to be delivered' })
  @ApiCommand({
    status: 200,
    type: WebhookSubscriptionDto,
    problems: ['not_found', 'webhook_already_disabled'],
  })
  disable(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) subscriptionId: string,
    @Body() _: SwitchWebhookDto,
  ): Promise<WebhookSubscriptionDto> {
    return this.commands.submit(request, DisableWebhook, { subscriptionId });
  }

  @Post(':id/enable')
  @Permission('webhooks.enable')
  @ApiOperation({ summary: 'Deliver what happens from now on' })
  @ApiCommand({
    status: 200,
    type: WebhookSubscriptionDto,
    problems: ['not_found', 'webhook_already_active', 'webhook_limit_reached'],
  })
  enable(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) subscriptionId: string,
    @Body() _: SwitchWebhookDto,
  ): Promise<WebhookSubscriptionDto> {
    return this.commands.submit(request, EnableWebhook, { subscriptionId });
  }

  @Get()
  @Permission('webhooks.read')
  @ApiOperation({ summary: 'List subscriptions in the order in which they were made' })
  @ApiRead({ type: WebhookSubscriptionPage })
  async list(
    @Query() query: WebhookSubscriptionListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<WebhookSubscriptionDto>> {
    const limit = limitOf(query);
    const [after] = cursorKey(query, 1) as [number];
    const { value } = await this.reads.one(reply, (db) =>
      listSubscriptions(db, query, after, limit + 1, orderOf(query)),
    );
    return pageOf(
      listOf(reply),
      value,
      limit,
      (row) => [row.subscription_no],
      webhookSubscriptionView,
    );
  }

  @Get(':id')
  @Permission('webhooks.read')
  @ApiOperation({ summary: 'Read a subscription' })
  @ApiRead({ type: WebhookSubscriptionDto, problems: ['not_found'] })
  async read(
    @Param('id', ReferencePipe) id: string,
    @Query() _: WebhookSubscriptionQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<WebhookSubscriptionDto> {
    const { value } = await this.reads.one(reply, (db) => readSubscription(db, id));
    return webhookSubscriptionView(found(value, 'webhook subscription', id));
  }

  @Get(':id/deliveries')
  @Permission('webhooks.read')
  @ApiOperation({ summary: 'List what was or is to be delivered' })
  @ApiRead({ type: WebhookDeliveryPage, problems: ['not_found'] })
  async deliveries(
    @Param('id', ReferencePipe) id: string,
    @Query() query: WebhookDeliveryListQuery,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Page<WebhookDeliveryDto>> {
    const limit = limitOf(query);
    const order = orderOf(query);
    const key = cursorKey(query, 3) as [number, number, number];
    const [, position, ordinal] = key;
    const place = { position, ordinal };
    const { value } = await this.reads.one(reply, (db) => readSubscription(db, id));
    const { subscription_id, subscription_no } = found(value, 'webhook subscription', id);
    checkOwner(query, key, subscription_no);
    const page = await this.reads.log(reply, (log) =>
      listDeliveries(log, subscription_id, place, limit, order),
    );
    const keyOf = (row: TaskPlace) => [subscription_no, row.position, row.ordinal];
    return pageWith(listOf(reply), page, keyOf, deliveryView);
  }

  @Post(':id/deliveries/:taskId/redeliver')
  @Permission('webhooks.redeliver')
  @ApiOperation({ summary: 'Deliver an event again, under the same webhook-id' })
  @ApiCommand({
    status: 200,
    type: WebhookDeliveryDto,
    problems: ['not_found', 'task_under_way'],
  })
  async redeliver(
    @AsCommand() request: CommandRequest,
    @Param('id', ReferencePipe) id: string,
    @Param('taskId', IdPipe) taskId: string,
    @Body() _: RedeliverWebhookDto,
  ): Promise<WebhookDeliveryDto> {
    const { position, value } = await this.reads.one(request.reply, (db) =>
      readSubscription(db, id),
    );
    const { subscription_id } = found(value, 'webhook subscription', id);
    const delivery = await this.reads.log(request.reply, (log) =>
      findDelivery(log, subscription_id, taskId),
    );
    const { eventType } = found(delivery, 'delivery', taskId);
    const outcome = await this.actions.redeliver(request, taskId, position);
    return redeliveredView(this.commands.answer(request, outcome), eventType);
  }
}
