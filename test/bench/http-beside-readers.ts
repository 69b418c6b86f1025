import type { HttpLoad } from './http-load';
import { measureHttp } from './processes';
import { median } from './report';
import type { BesideReaders } from './beside-readers';

const WRITERS = 64;
const READERS = 40;

/** What callers read that costs little: its name in the results, and its path. */
export function cheapReads(accountId: string): readonly (readonly [name: string, path: string])[] {
  return [
    ['pages', '/v1/transactions?limit=200'],
    ['accounts', `/v1/accounts/${accountId}`],
  ];
}

/** Measures writers and readers over HTTP, a process each, in turn alone and side by side. */
export async function measureHttpBesideReaders(
  url: string,
  load: Omit<HttpLoad, 'url' | 'connections'>,
  path: string,
  rounds: number,
): Promise<BesideReaders> {
  const writing = { ...load, url: `${url}/v1/transactions`, connections: WRITERS };
  const reading = { ...load, url: url + path, connections: READERS, isRead: true };
  const write = async () => (await measureHttp(writing)).transfersPerSecond;
  const read = async () => (await measureHttp(reading)).transfersPerSecond;
  const found = { writersAlone: [], writersBeside: [], readersAlone: [], readersBeside: [] };
  const rates: Record<keyof BesideReaders, number[]> = found;
  for (let round = 0; round < rounds; round++) {
    rates.writersAlone.push(await write());
    rates.readersAlone.push(await read());
    const [writers, readers] = await Promise.all([write(), read()]);
    rates.writersBeside.push(writers);
    rates.readersBeside.push(readers);
  }
  const medians = Object.entries(rates).map(([name, values]) => [name, median(values)]);
  return Object.fromEntries(medians) as BesideReaders;
}
