import { column } from '../../src/database/column';
import { defineCreator } from '../../src/engine/define/creator';
import { defineEvent, type EventType, type LedgerEvent } from '../../src/engine/define/event';
import { defineMaterializer } from '../../src/engine/define/materializer';
import { defineFeature, type Feature } from '../../src/engine/define/feature';
import { defineAppendTable } from '../../src/engine/define/state-table';
import { features } from '../../src/features';

/**
 * A feature for the specs of versions, as it was and as it became: what was one name are two
 * fields in version 2. Both write the same rows, so that a replay changes nothing.
 */
interface PersonNamedV1 {
  personId: string;
  name: string;
}
interface PersonNamedV2 {
  personId: string;
  givenName: string;
  familyName: string;
}

const persons = defineAppendTable({
  name: 'persons',
  lastPosition: 'position',
  columns: { position: column.bigint(), given_name: column.text(), family_name: column.text() },
});

export const PERSON_TABLES = [
  `create table state.persons (position bigint not null, given_name text not null,
    family_name text not null)`,
];

const PersonNamed1 = defineEvent<PersonNamedV1>('PersonNamed');
const PersonNamed2 = defineEvent<PersonNamedV2>('PersonNamed', 2, {
  1: (data) => {
    const { personId, name } = data as PersonNamedV1;
    return { personId, ...partsOf(name) };
  },
});

function partsOf(name: string): { givenName: string; familyName: string } {
  const [givenName, familyName] = name.split(' ') as [string, string];
  return { givenName, familyName };
}

const materialize1 = defineMaterializer(PersonNamed1, 1, ({ position, data }, { state }) => {
  const { givenName: given_name, familyName: family_name } = partsOf(data.name);
  state.append(persons, { position, given_name, family_name });
  return Promise.resolve();
});

const apply2 = defineMaterializer(PersonNamed2, 2, ({ position, data }, { state }) => {
  const { givenName: given_name, familyName: family_name } = data;
  state.append(persons, { position, given_name, family_name });
  return Promise.resolve();
});

/** Names somebody; answers with the data of the event, in the version of the program. */
function namePerson<Data extends object>(type: EventType<Data>, dataOf: (name: string) => object) {
  return defineCreator<{ name: string }, LedgerEvent>({
    name: 'NamePerson',
    run: async (context, { name }) => {
      const data = { personId: context.newId(), ...dataOf(name) };
      await context.append<object>(type, data);
    },
    answer: ([event]) => event!,
  });
}

export const NamePerson1 = namePerson(PersonNamed1, (name) => ({ name }));
export const NamePerson2 = namePerson(PersonNamed2, partsOf);

export const featuresV1: readonly Feature[] = [
  ...features,
  defineFeature({
    name: 'persons',
    tables: [persons],
    materializers: [materialize1],
    creators: [NamePerson1],
  }),
];

/**
 * The program with version 2 of the event.
 * @param change what is otherwise: of the event type, or the version of its materializer
 */
export function featuresV2(
  change: { upcasters?: EventType['upcasters']; materializerVersion?: number } = {},
): readonly Feature[] {
  const { upcasters = PersonNamed2.upcasters, materializerVersion = apply2.version } = change;
  const event = { ...apply2.event, upcasters };
  const materializer = { ...apply2, event, version: materializerVersion };
  return [
    ...features,
    defineFeature({
      name: 'persons',
      tables: [persons],
      materializers: [materializer],
      creators: [NamePerson2],
    }),
  ];
}
