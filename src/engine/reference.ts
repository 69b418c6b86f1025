const CLIENT = 'client:';

/** The client id in a `client:<clientId>` reference; undefined for a plain id. */
export function clientIdOf(reference: string): string | undefined {
  return reference.startsWith(CLIENT) ? reference.slice(CLIENT.length) : undefined;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Which unique column a reference names, and the value; undefined for what is no reference. */
export function referenceOf<Id extends string>(
  reference: string,
  idColumn: Id,
): { column: Id | 'client_id'; value: string } | undefined {
  const clientId = clientIdOf(reference);
  if (clientId !== undefined) return { column: 'client_id', value: clientId };
  const id = reference.toLowerCase();
  return UUID.test(id) ? { column: idColumn, value: id } : undefined;
}
