import { mkdtemp, readdir, readFile, rm, stat, writeFile, utimes, mkdir } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import { DEFAULT_BREAKER, ServiceAway } from '../../../src/outside/adapters/breaker';
import { openMailer, SmtpMailer } from '../../../src/outside/adapters/mailer';
import { OtherSideAway, PermanentFailure } from '../../../src/engine/define/task-handler';
import { waitFor } from '../../harness/waiting';
import { MailServer } from '../../harness/mail-server';

const FROM = 'The Books <books@truebook.example>';
const ID = '0192aaaa-0000-5000-8000-000000000001';
const MAIL = {
  to: 'ann@customer.example',
  subject: 'Your address – new',
  text: 'Bonjour,\n.\nÉtienne\n',
};
/** For conversations that nothing is to come of; all others have the time that they need. */
const SHORT = { connectMs: 400, idleMs: 400 };
const LONG = { connectMs: 10_000, idleMs: 10_000 };
const BREAKER = { ...DEFAULT_BREAKER, isPatient: true, minOpenMs: 100, maxOpenMs: 200 };

const never = new AbortController().signal;
const options = { messageId: ID, signal: never };

async function failureOf(attempt: Promise<unknown>): Promise<Error> {
  return attempt.then(
    () => Promise.reject(new Error('It did not fail')),
    (error: Error) => error,
  );
}

describe('mail over SMTP', () => {
  let server: MailServer;
  let mailer: SmtpMailer;

  beforeEach(async () => {
    server = await MailServer.start();
    mailer = new SmtpMailer(server.url, FROM, LONG, BREAKER);
  });

  afterEach(async () => {
    await mailer.close();
    await server.close();
  });

  it.each([
    ['encoded words', 'The address of =?utf-8?q?Evil=0D=0ABcc:_all@example.com?= has changed'],
    ['many of them', `=?utf-8?b?${'QUJD'.repeat(60)}?= `.repeat(2).trim()],
    ['some beside other characters', `Größe =?utf-8?q?=F0=9F=98=80?= ${'😀'.repeat(40)} ?=`],
    ['the beginning of one', 'Is 1 =? 2'],
  ])('arrives with a subject that looks like %s, as it is written', async (_, subject) => {
    await mailer.send({ ...MAIL, subject }, options);
    const { raw, parsed } = server.mails[0]!;
    expect(parsed.subject).toBe(subject);
    expect(parsed.bcc).toBeUndefined();
    const header = /^Subject: (.*(?:\r?\n[ \t].*)*)/m.exec(raw)![1]!;
    for (const line of header.split(/\r?\n/)) {
      expect(line).toMatch(/^ ?=\?UTF-8\?B\?[A-Za-z0-9+/=]+\?=$/);
      expect(line.length).toBeLessThanOrEqual(76);
    }
    expect(raw.match(/^Subject:/gim)).toHaveLength(1);
  });

  it('arrives as it was meant, with the id of the task as Message-ID', async () => {
    const sent = await mailer.send(MAIL, options);
    expect(sent).toEqual({ messageId: `<${ID}@truebook.example>` });
    const [mail, ...others] = server.mails;
    expect(others).toEqual([]);
    expect(mail!.recipients).toEqual([MAIL.to]);
    expect(mail!.parsed).toMatchObject({
      messageId: `<${ID}@truebook.example>`,
      subject: MAIL.subject,
      text: MAIL.text,
      from: { name: 'The Books', address: 'books@truebook.example' },
      to: [{ name: '', address: MAIL.to }],
    });
  });

  it('keeps its connection, and opens another where the server closed it', async () => {
    await mailer.send(MAIL, options);
    await mailer.send(MAIL, options);
    expect(server.connections).toBe(1);
    await server.close();
    await server.open();
    await mailer.send(MAIL, options);
    expect(server.mails).toHaveLength(3);
  });

  it.each([
    'x\r\nBcc: eve@evil.example',
    'x\nBcc: eve@evil.example\n\nAnother body',
    'x\r\n\r\n.\r\nRCPT TO:<eve@evil.example>',
    'x\u2028Bcc: eve@evil.example\0',
  ])('lets no header in by the subject %j', async (subject) => {
    await mailer.send({ ...MAIL, subject }, options);
    const [{ parsed, raw, recipients }] = server.mails as [(typeof server.mails)[0]];
    expect(recipients).toEqual([MAIL.to]);
    expect(parsed.bcc).toBeUndefined();
    expect(parsed.text).toBe(MAIL.text);
    expect(raw).not.toMatch(/^bcc:/im);
    expect(server.named).toEqual([MAIL.to]);
  });

  it.each([
    'ann@customer.example, eve@evil.example',
    'ann@customer.example;eve@evil.example',
    'ann@customer.example\r\nRCPT TO:<eve@evil.example>',
    'Friends: eve@evil.example, ann@customer.example;',
    'Ann <ann@customer.example>',
    '<ann@customer.example>',
    'ann@customer.example SIZE=1',
    'ann',
    '',
  ])('has one recipient, so not %j', async (to) => {
    const error = await failureOf(mailer.send({ ...MAIL, to }, options));
    expect(error).toBeInstanceOf(PermanentFailure);
    expect(error.message).not.toMatch(/ann|eve/);
    expect(server.named).toEqual([]);
  });

  it('reads no files and no addresses for the text', async () => {
    const text = { path: '/etc/hostname' } as unknown as string;
    await expect(mailer.send({ ...MAIL, text }, options)).rejects.toThrow();
    expect(server.mails).toEqual([]);
  });

  it.each([550, 551, 552, 553, 554])('gives a recipient up that is refused by %i', async (code) => {
    server.refuseRecipient = (address) => [code, `5.1.1 <${address}> lives here no longer`];
    const error = await failureOf(mailer.send(MAIL, options));
    expect(error).toBeInstanceOf(PermanentFailure);
    expect(error.message).toBe(`The mail server refuses the recipient: ${code} 5.1.1`);
    expect(mailer.breaker.state).toBe('closed');
  });

  it('gives a mail up that is refused for its text', async () => {
    server.refuseMail = () => [554, `No thanks: "${MAIL.text}" for ${MAIL.to}`];
    const error = await failureOf(mailer.send(MAIL, options));
    expect(error).toBeInstanceOf(PermanentFailure);
    expect(error.message).toBe('The mail server refuses the mail: 554');
  });

  it.each([450, 451, 452])('tries again what is put off by %i', async (code) => {
    server.refuseRecipient = (address) => [code, `4.2.0 ${address}: come back later`];
    const error = await failureOf(mailer.send(MAIL, options));
    expect(error).not.toBeInstanceOf(PermanentFailure);
    expect(error.message).toBe(`The mail server does not take the recipient now: ${code} 4.2.0`);
    expect(JSON.stringify({ ...error, stack: error.stack })).not.toContain('ann@');
    server.refuseRecipient = () => undefined;
    await mailer.send(MAIL, options);
    expect(server.mails).toHaveLength(1);
  });

  it('is not put off by one recipient when others are refused for good', async () => {
    server.refuseRecipient = (address) => (address.startsWith('gone') ? [550, 'no'] : undefined);
    for (let i = 0; i < BREAKER.failures * 2; i++) {
      const mail = { ...MAIL, to: `gone${i}@customer.example` };
      expect(await failureOf(mailer.send(mail, options))).toBeInstanceOf(PermanentFailure);
    }
    await mailer.send(MAIL, options);
    expect(server.mails).toHaveLength(1);
  });

  it.each([451, 530, 550])('waits where the server refuses us and no mail, by %i', async (code) => {
    server.refuseSender = () => [code, 'who are you'];
    const error = await failureOf(mailer.send(MAIL, options));
    expect(error).toBeInstanceOf(ServiceAway);
    expect(error.message).toBe(`The mail server does not serve us (MAIL FROM): ${code}`);
  });

  it('tries again where the server shuts down', async () => {
    server.refuseRecipient = () => [421, 'closing'];
    expect(await failureOf(mailer.send(MAIL, options))).toBeInstanceOf(ServiceAway);
  });

  it('tries again what the server took and did not answer', async () => {
    server.isHanging = true;
    const impatient = new SmtpMailer(server.url, FROM, SHORT, BREAKER);
    const error = await failureOf(impatient.send(MAIL, options));
    expect(error).toBeInstanceOf(ServiceAway);
    expect(error.message).toMatch(/ETIMEDOUT/);
    await impatient.close();
  });

  it('ends with the deadline of the task', async () => {
    server.isHanging = true;
    const patient = new SmtpMailer(server.url, FROM, { connectMs: 60_000, idleMs: 60_000 });
    const signal = AbortSignal.timeout(100);
    const error = await failureOf(patient.send(MAIL, { messageId: ID, signal }));
    expect(error.message).toBe('The mail server did not take the mail before the deadline');
    expect(await failureOf(patient.send(MAIL, { messageId: ID, signal }))).toHaveProperty(
      'name',
      'TimeoutError',
    );
    await patient.close();
  });

  it('does not wait for ever for a greeting', async () => {
    const silent = createServer();
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const { port } = silent.address() as AddressInfo;
    const waiting = new SmtpMailer(`smtp://127.0.0.1:${port}`, FROM, SHORT, BREAKER);
    const error = await failureOf(waiting.send(MAIL, options));
    expect(error).toBeInstanceOf(ServiceAway);
    expect(error.message).toMatch(/ETIMEDOUT/);
    await waiting.close();
    await new Promise((done) => silent.close(done));
  });

  it('slows down while the server is away, and delivers when it is back', async () => {
    await server.close();
    for (let i = 0; i < BREAKER.failures; i++) {
      expect(await failureOf(mailer.send(MAIL, options))).toBeInstanceOf(ServiceAway);
    }
    expect(mailer.breaker.state).toBe('open');
    const turnedAway = (await failureOf(mailer.send(MAIL, options))) as OtherSideAway;
    expect(turnedAway).toBeInstanceOf(OtherSideAway);
    expect(turnedAway.retryAfterMs).toBeGreaterThan(0);
    // A probe that fails is no attempt of the mail that made it, however long this goes on.
    await waitFor('a probe', async () => {
      const error = await failureOf(mailer.send(MAIL, options));
      expect(error).toBeInstanceOf(OtherSideAway);
      return error.message.includes('ECONNREFUSED');
    });
    await server.open();
    await waitFor('the mail', () =>
      mailer.send(MAIL, options).then(
        () => true,
        () => false,
      ),
    );
    expect(mailer.breaker.state).toBe('closed');
    expect(server.mails).toHaveLength(1);
  });

  it('writes nothing of a conversation down, even where the URL asks for it', async () => {
    const spies = (['log', 'info', 'warn', 'error', 'debug', 'trace'] as const).map((name) =>
      jest.spyOn(console, name).mockImplementation(() => undefined),
    );
    const loud = new SmtpMailer(`${server.url}/?logger=true&debug=true`, FROM, LONG);
    await loud.send(MAIL, options);
    await loud.close();
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });
});

describe('mail as files', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'outbox-'));
  });

  afterEach(() => rm(dataDir, { recursive: true }));

  const open = () => openMailer({ dataDir, mailFrom: FROM, smtpUrl: undefined });

  it('is kept under the name of its task, once', async () => {
    const mailer = await open();
    await mailer.send(MAIL, options);
    await mailer.send({ ...MAIL, text: 'second run' }, options);
    await Promise.all(Array.from({ length: 20 }, () => mailer.send(MAIL, options)));
    expect(await readdir(join(dataDir, 'outbox'))).toEqual([`${ID}.eml`]);
    const parsed = await PostalMime.parse(await readFile(join(dataDir, 'outbox', `${ID}.eml`)));
    expect(parsed).toMatchObject({
      messageId: `<${ID}@truebook.example>`,
      subject: MAIL.subject,
      text: MAIL.text,
      to: [{ name: '', address: MAIL.to }],
    });
    expect((await stat(join(dataDir, 'outbox', `${ID}.eml`))).mode & 0o777).toBe(0o600);
  });

  it('lets no header in and no path out', async () => {
    const mailer = await open();
    await mailer.send({ ...MAIL, subject: 'x\r\nBcc: eve@evil.example' }, options);
    const raw = await readFile(join(dataDir, 'outbox', `${ID}.eml`), 'utf8');
    expect(raw).not.toMatch(/^bcc:/im);
    const error = await failureOf(mailer.send(MAIL, { ...options, messageId: '../x' }));
    expect(error).toBeInstanceOf(PermanentFailure);
    expect(await readdir(dataDir)).toEqual(['outbox']);
  });

  it('is tried again where the folder cannot be written', async () => {
    await writeFile(join(dataDir, 'outbox'), 'in the way');
    const error = await failureOf((await open()).send(MAIL, options));
    expect(error).toBeInstanceOf(ServiceAway);
    expect(error.message).toBe('The file could not be written: EEXIST');
  });

  it('clears away what a process left that died long ago', async () => {
    const folder = join(dataDir, 'outbox');
    await mkdir(folder);
    for (const name of ['.aa.draft', '.bb.draft', 'cc.eml'])
      await writeFile(join(folder, name), '');
    const longAgo = new Date(Date.now() - 86_400_000);
    await utimes(join(folder, '.aa.draft'), longAgo, longAgo);
    await utimes(join(folder, 'cc.eml'), longAgo, longAgo);
    await open();
    expect((await readdir(folder)).sort()).toEqual(['.bb.draft', 'cc.eml']);
  });
});
