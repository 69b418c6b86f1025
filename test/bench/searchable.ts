import type { PostTransactionInput } from '../../src/books/transactions/transaction.rules';
import type { OpenLedger } from '../../src/engine/open-ledger';
import { measureTransfers, transferInput, type ChoosePair } from './engine-load';
import { median, type Results } from './report';
import type { Sizes } from './sizes';

const TOPICS = ['rent', 'salary', 'invoice', 'fee', 'refund', 'card', 'order', 'loan'];

/** Transfers with words, metadata and amounts that few others have, in turn with plain ones. */
export async function measureSearchable(
  open: OpenLedger,
  pair: ChoosePair,
  inFlight: number,
  { rounds, engineMs }: Sizes,
  results: Results,
): Promise<void> {
  const rates = { plain: [] as number[], searchable: [] as number[] };
  const inputs = searchableInputs();
  for (let round = 1; round <= rounds; round++) {
    const plain = await measureTransfers(open, pair, inFlight, engineMs);
    const searchable = await measureTransfers(open, pair, inFlight, engineMs, inputs);
    rates.plain.push(plain.perSecond);
    rates.searchable.push(searchable.perSecond);
  }
  const [plain, rate] = [median(rates.plain), median(rates.searchable)];
  const note = `with descriptions and metadata: ${Math.round((100 * rate) / plain)} % of without`;
  results.add(`engine.searchable.${inFlight}`, rate, 'transfers/s', note);
}

function searchableInputs(): (pair: readonly [string, string]) => PostTransactionInput {
  let i = 0;
  return (pair) => {
    i++;
    return {
      ...transferInput(pair, `${1 + ((i * 7919) % 10_000)}.${10 + (i % 90)}`),
      description: `Payment of ${TOPICS[i % TOPICS.length]!} by customer ${i % 5_000} INV-${i}`,
      metadata: { order: `ord-${i}`, shop: `shop-${i % 1_000}` },
    };
  };
}
