let areFrozen = false;

/**
 * Has every row that a session takes from now on be frozen, with all that is in it, so that code
 * which changes a row in place fails. For specs: it costs more than a row's other treatment.
 */
export function freezeRows(): void {
  areFrozen = true;
}

/** The row itself: rows are immutable, and in specs that is held to. */
export function frozenInSpecs<Row extends object>(row: Row): Row {
  return areFrozen ? frozen(row) : row;
}

function frozen<T extends object>(value: T): T {
  if (Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) frozen(part as object);
  }
  return Object.freeze(value);
}
