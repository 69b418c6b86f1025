import { Injectable } from '@nestjs/common';
import type { TaskContext, TaskHandler } from '../../engine/define/task-handler';
import { Mailer } from '../../outside/adapters/mailer';
import { addressLines } from './company-address';
import { ADDRESS_CHANGED_EMAIL, type AddressChangedEmail } from './company.materializers';

/** Tells a company's contact of its new address, in the order of the changes. */
@Injectable()
export class AddressChangedMails implements TaskHandler<AddressChangedEmail> {
  readonly name = ADDRESS_CHANGED_EMAIL;
  readonly options = { isOrdered: true };

  constructor(private readonly mailer: Mailer) {}

  run(payload: AddressChangedEmail, { taskId, signal }: TaskContext) {
    return this.mailer.send(addressChangedMail(payload), { messageId: taskId, signal });
  }
}

/** The same mail on every attempt. */
function addressChangedMail({
  companyName,
  contactEmail,
  address,
  changedAt,
}: AddressChangedEmail) {
  const text = [
    `The address of ${companyName} was changed on ${changedAt.slice(0, 10)}. It is now:`,
    '',
    ...addressLines(address).map((line) => `  ${line}`),
    '',
    'If you did not expect this, please get in touch with us.',
    '',
  ].join('\n');
  return { to: contactEmail, subject: `The address of ${companyName} has changed`, text };
}
