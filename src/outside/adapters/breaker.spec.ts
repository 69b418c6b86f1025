import { OtherSideAway, PermanentFailure } from '../../engine/define/task-handler';
import { Breaker, breakerStatus, HostBreakers, ServiceAway, type BreakerOptions } from './breaker';

const OPTIONS: BreakerOptions = {
  ...{ failures: 3, minOpenMs: 1_000, maxOpenMs: 60_000, isPatient: false },
};

const succeed = () => Promise.resolve('done');
const fail = () => Promise.reject(new ServiceAway('refused'));

async function failureOf(attempt: Promise<unknown>): Promise<Error> {
  return attempt.then(
    () => Promise.reject(new Error('It did not fail')),
    (error: Error) => error,
  );
}

async function failTimes(breaker: Breaker, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    expect(await failureOf(breaker.run(fail))).toBeInstanceOf(ServiceAway);
  }
}

describe('Breaker', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 1_000_000 });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('lets calls through, and their answers and errors back', async () => {
    const breaker = new Breaker('It', OPTIONS);
    await expect(breaker.run(succeed)).resolves.toBe('done');
    const refusal = new PermanentFailure('no');
    await expect(breaker.run(() => Promise.reject(refusal))).rejects.toBe(refusal);
    expect(breaker.state).toBe('closed');
  });

  it('opens after failures in a row, and then makes no attempt', async () => {
    const breaker = new Breaker('The mail server', OPTIONS);
    await failTimes(breaker, 3);
    expect(breaker.state).toBe('open');
    const call = jest.fn(succeed);
    const error = (await failureOf(breaker.run(call))) as OtherSideAway;
    expect(call).not.toHaveBeenCalled();
    expect(error).toBeInstanceOf(OtherSideAway);
    expect(error.message).toBe('The mail server is away');
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(1_000);
    expect(error.retryAfterMs).toBeLessThanOrEqual(1_250);
  });

  it.each([400, -400])(
    'tries again when it said, on a clock that was off by %i days',
    async (days) => {
      const breaker = new Breaker('It', OPTIONS);
      const right = Date.now();
      jest.setSystemTime(right + days * 86_400_000);
      await failTimes(breaker, 3);
      jest.setSystemTime(right);
      const { retryAfterMs } = (await failureOf(breaker.run(succeed))) as OtherSideAway;
      expect(retryAfterMs).toBeLessThanOrEqual(1_250);
      jest.advanceTimersByTime(retryAfterMs);
      await expect(breaker.run(succeed)).resolves.toBe('done');
      expect(breaker.state).toBe('closed');
    },
  );

  it.each([
    ['a success', succeed],
    ['a refusal of one message', () => Promise.reject(new PermanentFailure('no such mailbox'))],
    ['an error about one message', () => Promise.reject(new Error('later'))],
  ])('takes %s for a sign of life', async (_name, call) => {
    const breaker = new Breaker('It', OPTIONS);
    await failTimes(breaker, 2);
    await breaker.run<unknown>(call).catch(() => undefined);
    await failTimes(breaker, 2);
    expect(breaker.state).toBe('closed');
    await failTimes(breaker, 1);
    expect(breaker.state).toBe('open');
  });

  it('waits twice as long after each probe that fails, up to its bound', async () => {
    const breaker = new Breaker('It', OPTIONS);
    await failTimes(breaker, 3);
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]) {
      jest.advanceTimersByTime(seconds * 1_000 - 1);
      expect(await failureOf(breaker.run(succeed))).toBeInstanceOf(OtherSideAway);
      jest.advanceTimersByTime(1);
      await failTimes(breaker, 1);
    }
    jest.advanceTimersByTime(60_000);
    await expect(breaker.run(succeed)).resolves.toBe('done');
    expect(breaker.state).toBe('closed');
    // It begins anew, with the short wait.
    await failTimes(breaker, 3);
    const error = (await failureOf(breaker.run(succeed))) as OtherSideAway;
    expect(error.retryAfterMs).toBeLessThanOrEqual(1_250);
  });

  it('closes by a probe that is refused: the other side is there', async () => {
    const breaker = new Breaker('It', OPTIONS);
    await failTimes(breaker, 3);
    jest.advanceTimersByTime(1_000);
    await failureOf(breaker.run(() => Promise.reject(new PermanentFailure('no'))));
    expect(breaker.state).toBe('closed');
  });

  it('sends one call to see, and lets no other wait for it', async () => {
    const breaker = new Breaker('It', OPTIONS);
    await failTimes(breaker, 3);
    jest.advanceTimersByTime(1_000);
    const { promise, resolve } = Promise.withResolvers<string>();
    const probe = breaker.run(() => promise);
    expect(breaker.state).toBe('half-open');
    const call = jest.fn(succeed);
    const error = (await failureOf(breaker.run(call))) as OtherSideAway;
    expect(error).toBeInstanceOf(OtherSideAway);
    expect(error.retryAfterMs).toBeGreaterThan(0);
    expect(call).not.toHaveBeenCalled();
    resolve('done');
    await expect(probe).resolves.toBe('done');
    await expect(breaker.run(call)).resolves.toBe('done');
  });

  it('counts a probe as an attempt, unless it is patient', async () => {
    for (const isPatient of [false, true]) {
      const breaker = new Breaker('It', { ...OPTIONS, isPatient });
      await failTimes(breaker, 3);
      jest.advanceTimersByTime(1_000);
      const error = await failureOf(breaker.run(fail));
      expect(error.message).toBe('refused');
      expect(error instanceof OtherSideAway).toBe(isPatient);
      if (isPatient) expect((error as OtherSideAway).retryAfterMs).toBeGreaterThanOrEqual(2_000);
    }
  });
});

describe('HostBreakers', () => {
  it('keeps hosts apart', async () => {
    const hosts = new HostBreakers('It', OPTIONS);
    await failTimes(hosts.of('https://a.example'), 3);
    expect(hosts.of('https://a.example').state).toBe('open');
    expect(hosts.of('https://b.example').state).toBe('closed');
    expect(breakerStatus('webhooks', hosts.states)).toEqual({
      ...{ name: 'webhooks', state: 'open', open: 1 },
    });
  });

  it('forgets the one that was not used for longest', async () => {
    const hosts = new HostBreakers('It', OPTIONS, 2);
    await failTimes(hosts.of('a'), 3);
    hosts.of('b');
    hosts.of('a');
    hosts.of('c');
    expect(hosts.states).toHaveLength(2);
    expect(hosts.of('a').state).toBe('open');
    hosts.of('d');
    hosts.of('e');
    expect(hosts.of('a').state).toBe('closed');
    expect(hosts.states).toHaveLength(2);
  });
});
