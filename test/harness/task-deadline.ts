import { AddressChangedMails } from '../../src/books/companies/company.tasks';
import type { ServiceProvider } from '../../src/engine/define/feature';
import type { TaskHandler } from '../../src/engine/define/task-handler';
import { StateReader } from '../../src/engine/session/state-reader';
import { Mailer } from '../../src/outside/adapters/mailer';
import { SecretSeal } from '../../src/outside/adapters/secret-seal';
import { WebhookSender } from '../../src/outside/adapters/webhook-sender';
import { EventDeliveries } from '../../src/outside/webhooks/webhook.tasks';

/** What a machine with other things to do needs at most for an attempt that nothing holds up. */
const AMPLE_MS = 15_000;

/**
 * The mails and the deliveries of the program with a deadline that a test shortens where it has to
 * wait for it: an attempt that is cut short by chance is made again, and what it did is done twice.
 */
export class TaskDeadline {
  ms = AMPLE_MS;

  /** What a service is to be started with. */
  readonly replace: readonly ServiceProvider[] = [
    {
      provide: AddressChangedMails,
      useFactory: (mailer: Mailer) => this.limited(new AddressChangedMails(mailer)),
      inject: [Mailer],
    },
    {
      provide: EventDeliveries,
      useFactory: (sender: WebhookSender, seal: SecretSeal, state: StateReader) =>
        this.limited(new EventDeliveries(sender, seal, state)),
      inject: [WebhookSender, SecretSeal, StateReader],
    },
  ];

  /** To be called before each test. */
  reset(): void {
    this.ms = AMPLE_MS;
  }

  private limited(handler: TaskHandler): TaskHandler {
    const current = () => this.ms;
    return {
      name: handler.name,
      options: {
        ...handler.options,
        get deadlineMs() {
          return current();
        },
      },
      run: (payload, context) => handler.run(payload, context),
    };
  }
}
