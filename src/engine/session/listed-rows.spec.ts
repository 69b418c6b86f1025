import { column } from '../../database/column';
import { defineListTable } from '../define/state-table';
import { ListedRows } from './listed-rows';

const lent = defineListTable({
  name: 'lent',
  keys: ['reader', 'book'],
  lastPosition: 'position',
  columns: { reader: column.bigint(), book: column.bigint(), position: column.bigint() },
});
const loan = (reader: number, book: number, position = 1) => ({ reader, book, position });

describe('what is put into a list and dropped from it', () => {
  it('is taken once, what is dropped apart from what is put there', () => {
    const listed = new ListedRows(lent);
    listed.put(loan(1, 1));
    listed.drop({ reader: 2, book: 1 });
    expect(listed.take()).toEqual({ dropped: [{ reader: 2, book: 1 }], put: [loan(1, 1)] });
    expect(listed.take()).toBeUndefined();
  });

  it('is nothing where it was dropped before anybody had it, and can come again', () => {
    const listed = new ListedRows(lent);
    listed.put(loan(1, 1));
    listed.drop({ reader: 1, book: 1 });
    expect(listed.take()).toBeUndefined();
    listed.drop({ reader: 1, book: 2 });
    listed.put(loan(1, 2, 5));
    expect(listed.take()).toEqual({ dropped: [{ reader: 1, book: 2 }], put: [loan(1, 2, 5)] });
  });

  it('is undone in the opposite order, and not here once it was sent', () => {
    const listed = new ListedRows(lent);
    const sent = listed.put(loan(9, 9));
    listed.take();
    listed.put(loan(1, 1));
    const undos = [listed.drop(loan(1, 1)), listed.drop(loan(2, 2)), listed.put(loan(2, 2, 7))];
    for (const one of undos.reverse()) one.undo();
    sent.undo();
    expect(listed.take()).toEqual({ dropped: [], put: [loan(1, 1)] });
  });

  it('is there once', () => {
    const listed = new ListedRows(lent);
    listed.put(loan(1, 1));
    expect(() => listed.put(loan(1, 1))).toThrow('lent has 1 1 already');
    listed.drop(loan(2, 2));
    expect(() => listed.drop(loan(2, 2))).toThrow('lent has no 2 2 any more');
  });
});
