import { DueWork } from './due-work';

/** Does what is due and weighs as much as its number. */
class Weighed extends DueWork {
  readonly name = 'weighed';
  readonly pattern = '* * * * * *';
  readonly done: (readonly number[])[] = [];

  constructor(private readonly due: number[]) {
    super();
  }

  protected doSome(): Promise<boolean> {
    const some = [...this.fitting(this.due, 10, (one) => one)];
    this.done.push(some);
    this.due.splice(0, some.length);
    return Promise.resolve(this.due.length > 0);
  }
}

it('what is due is done in order, as much at a time as may be, and one in any case', async () => {
  const work = new Weighed([4, 6, 1, 25, 9, 1, 1]);
  await Promise.all([work.run(), work.run()]);
  expect(work.done).toEqual([[4, 6], [1], [25], [9, 1], [1]]);
});
