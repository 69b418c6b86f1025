import type { Adapters } from '../../outside/adapters/adapters';
import { defineTaskHandler, type TaskHandler } from '../../outside/tasks/task-handler';
import { addressLines } from './company-address';
import { ADDRESS_CHANGED_EMAIL, type AddressChangedEmail } from './company.materializers';

/** What companies ask for. The mails to one recipient go out in the order of the changes. */
export function companyTaskHandlers({ mailer }: Pick<Adapters, 'mailer'>): TaskHandler[] {
  const email = defineTaskHandler<AddressChangedEmail>(
    ADDRESS_CHANGED_EMAIL,
    { isOrdered: true },
    (payload, { taskId, signal }) =>
      mailer.send(addressChangedMail(payload), { messageId: taskId, signal }),
  );
  return [email];
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
