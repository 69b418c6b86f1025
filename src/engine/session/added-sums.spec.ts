import { column } from '../../database/column';
import { defineSumTable } from '../define/state-table';
import { AddedSums } from './added-sums';

const sales = defineSumTable({
  name: 'sales',
  keys: ['shop', 'day'],
  sums: ['amount'],
  lastPosition: 'position',
  columns: {
    shop: column.bigint(),
    day: column.date(),
    amount: column.numeric(),
    position: column.bigint(),
  },
});
const sale = (shop: number, amount: bigint, position: number) => {
  return { shop, day: '2026-01-31', amount, position };
};

describe('what is added to a table of sums', () => {
  it('is added up by the keys, and taken once', () => {
    const added = new AddedSums(sales);
    added.add(sale(1, 5n, 10));
    added.add(sale(2, 7n, 11));
    added.add(sale(1, -2n, 12));
    expect(added.take()).toEqual([sale(1, 3n, 12), sale(2, 7n, 11)]);
    expect(added.take()).toEqual([]);
  });

  it('is undone in the opposite order, and leaves no row of nothing', () => {
    const added = new AddedSums(sales);
    added.add(sale(1, 5n, 10));
    const [second, third] = [added.add(sale(1, 1n, 11)), added.add(sale(2, 1n, 11))];
    third.undo();
    second.undo();
    expect(added.take()).toEqual([sale(1, 5n, 10)]);
  });

  it('is not undone here once it was sent', () => {
    const added = new AddedSums(sales);
    const first = added.add(sale(1, 5n, 10));
    added.take();
    added.add(sale(1, 2n, 11));
    first.undo();
    expect(added.take()).toEqual([sale(1, 2n, 11)]);
  });
});
