import canonicalize from 'canonicalize';
import { createHash } from 'node:crypto';
import { startAmendedBooks, type AmendedBooks } from './amended-books';

type Hashed = Record<string, unknown> & { position: number; hash: string };

/**
 * The chain as a program of somebody else recomputes it, with what the API answers alone.
 * @returns positions whose hash is another one
 */
async function differing(books: AmendedBooks, originals: ReadonlyMap<number, object>) {
  const { api } = books.service;
  const { data } = (await api.get<{ data: Hashed[] }>('/v1/events?limit=200')).body;
  let before = '0'.repeat(64);
  return data.flatMap(({ hash, tasks: _tasks, amended: _amended, ...shown }) => {
    const event = { ...shown, ...originals.get(shown.position) };
    const text = before + canonicalize(event)!;
    before = hash;
    return createHash('sha256').update(text).digest('hex') === hash ? [] : [shown.position];
  });
}

it('is recomputed from the events, and after an amendment from their backups too', async () => {
  const books = await startAmendedBooks();
  const position = await books.transfer('10');
  await books.transfer('20', 'Größe 😀');
  expect(await differing(books, new Map())).toEqual([]);

  const data = await books.withAmount(position, '11.00');
  for (const reason of ['A mistake', 'And another one']) {
    const amendment = { data: { ...data, description: reason }, reason };
    const { status } = await books.amend(position, amendment);
    expect(status).toBe(200);
  }
  expect(await differing(books, new Map())).toEqual([position]);
  const first = (await books.backups()).data.find((backup) => backup.amendment === 1)!;
  const { type, version, data: original } = first;
  expect(first.position).toBe(position);
  const originals = new Map([[position, { type, version, data: original }]]);
  expect(await differing(books, originals)).toEqual([]);
});
