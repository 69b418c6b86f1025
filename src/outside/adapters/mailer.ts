import { join } from 'node:path';
import { createTransport, type NodemailerError, type Transporter } from 'nodemailer';
import type { AdapterConfig } from './adapter-config';
import { PermanentFailure } from '../../engine/define/task-handler';
import { removeOldDrafts, writeFileAtomically } from './atomic-file';
import { Breaker, DEFAULT_BREAKER, ServiceAway, type BreakerOptions } from './breaker';

/** A mail in plain text to one recipient. */
export interface Mail {
  /** An address without a name. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface MailOptions {
  /** The task's id, from which the Message-ID is made: receivers know a second copy by it. */
  readonly messageId: string;
  readonly signal: AbortSignal;
}

/** Sends mails, or keeps them as files. */
export abstract class Mailer {
  /**
   * @returns the Message-ID, with its angle brackets
   * @throws PermanentFailure where this recipient or mail is refused for good, OtherSideAway
   *   where no attempt was made, and other errors. None of them names the recipient or repeats
   *   what the server said, which may do so
   */
  abstract send(mail: Mail, options: MailOptions): Promise<{ messageId: string }>;
  abstract close(): Promise<void>;
}

export interface MailTimeouts {
  readonly connectMs: number;
  /** Of a connection on which nothing moves. */
  readonly idleMs: number;
}

const TIMEOUTS: MailTimeouts = { connectMs: 10_000, idleMs: 30_000 };
const CONNECTIONS = 5;

/** What every message is built with: nothing of it may be read from files or the network. */
const NO_OUTSIDE_CONTENT = { disableFileAccess: true, disableUrlAccess: true };

/** The mailer that the configuration asks for: SMTP, or files in `DATA_DIR/outbox`. */
export async function openMailer(
  config: Pick<AdapterConfig, 'smtpUrl' | 'mailFrom' | 'dataDir'>,
): Promise<SmtpMailer | FileMailer> {
  if (config.smtpUrl !== undefined) return new SmtpMailer(config.smtpUrl, config.mailFrom);
  const folder = join(config.dataDir, 'outbox');
  await removeOldDrafts(folder);
  return new FileMailer(folder, config.mailFrom);
}

/** Hands mails to a mail server. */
export class SmtpMailer implements Mailer {
  readonly breaker: Breaker;
  private readonly transport: Transporter;

  constructor(
    smtpUrl: string,
    private readonly from: string,
    timeouts: MailTimeouts = TIMEOUTS,
    breaker: BreakerOptions = { ...DEFAULT_BREAKER, isPatient: true },
  ) {
    this.breaker = new Breaker('The mail server', breaker);
    this.transport = createTransport({
      url: withoutLog(smtpUrl),
      pool: true,
      maxConnections: CONNECTIONS,
      // For a connection that the server closed between two mails; all else the task tries again.
      maxRequeues: 1,
      connectionTimeout: timeouts.connectMs,
      greetingTimeout: timeouts.connectMs,
      dnsTimeout: timeouts.connectMs,
      socketTimeout: timeouts.idleMs,
      ...NO_OUTSIDE_CONTENT,
    });
  }

  async send(mail: Mail, { messageId: id, signal }: MailOptions): Promise<{ messageId: string }> {
    signal.throwIfAborted();
    const message = messageOf(mail, id, this.from);
    await this.breaker.run(async () => {
      try {
        await this.transport.sendMail({ ...message, signal });
      } catch (error) {
        throw judgeSmtpError(error as NodemailerError);
      }
    });
    return { messageId: message.messageId };
  }

  close(): Promise<void> {
    this.transport.close();
    return Promise.resolve();
  }
}

/**
 * What the URL says goes before all other options, and a log of the conversation would hold mails:
 * the URL must not switch it on.
 */
function withoutLog(smtpUrl: string): string {
  const url = new URL(smtpUrl);
  for (const name of ['logger', 'debug', 'transactionLog']) url.searchParams.delete(name);
  return url.href;
}

/** Keeps mails as `.eml` files named by their tasks, so that a second run writes the same file. */
export class FileMailer implements Mailer {
  readonly breaker = new Breaker('The outbox', { ...DEFAULT_BREAKER, isPatient: true });
  private readonly composer = createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    ...NO_OUTSIDE_CONTENT,
  });

  constructor(
    private readonly folder: string,
    private readonly from: string,
  ) {}

  async send(mail: Mail, { messageId: id, signal }: MailOptions): Promise<{ messageId: string }> {
    signal.throwIfAborted();
    const message = messageOf(mail, id, this.from);
    const { message: bytes } = await this.composer.sendMail(message);
    const file = join(this.folder, `${id}.eml`);
    await this.breaker.run(() => writeFileAtomically(file, bytes as Buffer));
    return { messageId: message.messageId };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** One mailbox and nothing else: a list would send the mail to more people than were meant. */
const ADDRESS = /^[^\s\p{Cc}<>@,;:"()[\]\\]+@[^\s\p{Cc}<>@,;:"()[\]\\]+$/u;
const ID = /^[\w-]{1,64}$/;

function messageOf({ to, subject, text }: Mail, id: string, from: string) {
  if (!ADDRESS.test(to)) throw new PermanentFailure('The recipient is not one mail address');
  if (!ID.test(id)) throw new PermanentFailure('The id cannot be part of a Message-ID');
  const domain = from.replace(/^.*@/s, '').replace(/>$/, '');
  const recipient = { name: '', address: to };
  return { from, to: recipient, ...subjectOf(subject), text, messageId: `<${id}@${domain}>` };
}

/** What a reader takes for an encoded word, and would decode: RFC 2047, section 2. */
const LIKE_ENCODED = /=\?/;
/** Bytes of one encoded word, which has 75 characters at most. */
const WORD_BYTES = 42;

/**
 * A subject is read as it is written here. The library leaves ASCII as it is, and names that
 * customers choose may look like an encoded word, with anything in it.
 */
function subjectOf(subject: string) {
  if (!LIKE_ENCODED.test(subject)) return { subject };
  const words = [''];
  for (const character of subject) {
    const longer = words.at(-1)! + character;
    if (Buffer.byteLength(longer) > WORD_BYTES) words.push(character);
    else words[words.length - 1] = longer;
  }
  const encoded = words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`);
  return { headers: { Subject: { prepared: true, value: encoded.join('\r\n ') } } };
}

/** The code of RFC 3463 that follows the reply code, as in `550 5.1.1`. */
const ENHANCED_CODE = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/;

/**
 * What a failure means for the task. A server that refuses the recipient or the text (5xx) will
 * do so again; one that refuses us, before a recipient was named, refuses every mail until
 * somebody changes something there or here.
 */
function judgeSmtpError(error: NodemailerError): Error {
  const { code, command, responseCode: reply, response } = error;
  if (code === 'EABORT') {
    return new ServiceAway('The mail server did not take the mail before the deadline');
  }
  if (reply === undefined) return judgeLocalError(error);
  const enhanced = ENHANCED_CODE.exec(response ?? '')?.[1];
  const said = enhanced === undefined ? reply : `${reply} ${enhanced}`;
  const isAboutMail = command === 'RCPT TO' || command === 'DATA';
  if (!isAboutMail || reply === 421) {
    return new ServiceAway(`The mail server does not serve us (${command}): ${said}`);
  }
  const what = command === 'DATA' ? 'mail' : 'recipient';
  // 503 says that the conversation went wrong, and nothing about the mail.
  if (reply >= 500 && reply !== 503) {
    return new PermanentFailure(`The mail server refuses the ${what}: ${said}`);
  }
  return new Error(`The mail server does not take the ${what} now: ${said}`);
}

/** What failed before the server said anything about the mail. */
function judgeLocalError({ code, originalCode }: NodemailerError): Error {
  if (code === 'EENVELOPE' || code === 'EMESSAGE') {
    return new PermanentFailure(`The mail cannot be sent over this mail server: ${code}`);
  }
  return new ServiceAway(`The mail server could not be reached: ${originalCode ?? code}`);
}
