/**
 * What `work` comes to, or what `late` gives once the time is up; what is late is not waited for.
 * Here, because those who wait like this stand on http: health, metrics, queues, runs.
 * @throws what `work` throws, and `late()` after `patienceMs`
 */
export async function within<T>(
  patienceMs: number,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), patienceMs);
  });
  // Nobody hears any more of what fails too late.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
