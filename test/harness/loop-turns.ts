/** What `work` comes to, with `look` called in every turn that the event loop has meanwhile. */
export async function withEachTurn<T>(look: () => void, work: () => Promise<T>): Promise<T> {
  let isOver = false;
  const turn = () => {
    look();
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    return await work();
  } finally {
    isOver = true;
  }
}

/** How many turns the event loop had while work was done, and what that came to. */
export async function countingTurns<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly turns: number }> {
  let turns = 0;
  const result = await withEachTurn(() => void turns++, work);
  return { result, turns };
}
