import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';

/** What a mail server says instead of 250: a reply code and a text. */
export type Reply = readonly [code: number, text: string];

/** A mail that came in. */
export interface ReceivedMail {
  readonly recipients: readonly string[];
  readonly raw: string;
  readonly parsed: Email;
}

/** A real mail server on loopback that can be told to refuse, to hang, and to go away. */
export class MailServer {
  readonly mails: ReceivedMail[] = [];
  connections = 0;
  /** Recipients that were named, refused ones too. */
  readonly named: string[] = [];
  refuseRecipient: (address: string) => Reply | undefined = () => undefined;
  refuseSender: () => Reply | undefined = () => undefined;
  refuseMail: () => Reply | undefined = () => undefined;
  /** Called with a mail that is kept, before the sender is told so. */
  onMail: (mail: ReceivedMail) => Promise<void> | void = () => undefined;
  /** While true, a mail that came in whole is never answered. */
  isHanging = false;
  private server: SMTPServer | undefined;
  private port = 0;

  static async start(): Promise<MailServer> {
    const server = new MailServer();
    await server.open();
    return server;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** Comes back at the same port. */
  async open(): Promise<void> {
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      logger: false,
      closeTimeout: 50,
      onConnect: (_session, done) => {
        this.connections += 1;
        done();
      },
      onMailFrom: (_address, _session, done) => done(errorOf(this.refuseSender())),
      onRcptTo: ({ address }, _session, done) => {
        this.named.push(address);
        done(errorOf(this.refuseRecipient(address)));
      },
      onData: (stream, session, done) => {
        // A stream that breaks off is a client that went away: nothing is left to be answered.
        text(stream).then(
          (raw) => this.take(raw, session, done),
          () => undefined,
        );
      },
    });
    server.on('error', () => undefined);
    await new Promise<void>((done) => server.listen(this.port, '127.0.0.1', done));
    this.port = (server.server.address() as AddressInfo).port;
    this.server = server;
  }

  private async take(
    raw: string,
    { envelope }: SMTPServerSession,
    done: (error?: Error | null) => void,
  ): Promise<void> {
    if (this.isHanging) return;
    const refusal = this.refuseMail();
    if (refusal) return done(errorOf(refusal));
    const recipients = envelope.rcptTo.map(({ address }) => address);
    const mail = { recipients, raw, parsed: await PostalMime.parse(raw) };
    this.mails.push(mail);
    await this.onMail(mail);
    done();
  }

  /** Cuts every connection and refuses new ones. */
  async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server) await new Promise<void>((done) => server.close(() => done()));
  }
}

function errorOf(reply: Reply | undefined): Error | null {
  if (!reply) return null;
  return Object.assign(new Error(reply[1]), { responseCode: reply[0] });
}
