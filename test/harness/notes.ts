import type { Kysely } from 'kysely';
import { column } from '../../src/database/column';
import { defineCreator } from '../../src/engine/define/creator';
import { defineEvent } from '../../src/engine/define/event';
import { defineMaterializer } from '../../src/engine/define/materializer';
import { Refusal } from '../../src/engine/define/refusal';
import { defineFeature, type Feature } from '../../src/engine/define/feature';
import {
  defineAppendTable,
  defineKeyedTable,
  type DatabaseOf,
  type StateDatabase,
} from '../../src/engine/define/state-table';
import { features } from '../../src/features';

/**
 * A feature for the specs of the engine: notes in a box. Its creators do what the program's own
 * hardly ever do, such as failing after they appended, or writing rows that a constraint refuses.
 */
const notes = defineKeyedTable({
  name: 'notes',
  lastPosition: 'last_position',
  key: 'note_id',
  unique: [],
  mutable: ['text', 'last_position'],
  cacheRows: 10,
  removable: true,
  columns: {
    note_id: column.uuid(),
    box: column.text(),
    text: column.text(),
    last_position: column.bigint(),
  },
});

const noteLines = defineAppendTable({
  name: 'note_lines',
  lastPosition: 'position',
  columns: { position: column.bigint(), word: column.text() },
});
type NoteTables = DatabaseOf<typeof notes | typeof noteLines>;

/** What the state database needs for the notes; the session knows none of these constraints. */
export const NOTE_TABLES = [
  `create table state.notes (note_id uuid primary key, box text not null,
    text text not null check (text <> 'forbidden'), last_position bigint not null,
    unique (box, text))`,
  `create table state.note_lines (position bigint not null, word text not null)`,
];

export const NoteTaken = defineEvent<{ noteId: string; box: string; text: string }>('NoteTaken');
const NoteRewritten = defineEvent<{ noteId: string; text: string }>('NoteRewritten');
const NoteThrownAway = defineEvent<{ noteId: string }>('NoteThrownAway');

const materializeNoteTaken = defineMaterializer(
  NoteTaken,
  1,
  async ({ position, data }, { state }) => {
    const { noteId: note_id, box, text } = data;
    state.table(notes).insert({ note_id, box, text, last_position: position });
    for (const word of data.text.split(' ')) state.append(noteLines, { position, word });
    await Promise.resolve();
  },
);

const materializeNoteRewritten = defineMaterializer(
  NoteRewritten,
  1,
  async ({ position, data }, { state }) => {
    const note = await state.table(notes).get(data.noteId);
    if (!note) throw new Error(`There is no note ${data.noteId}`);
    state.table(notes).update({ ...note, text: data.text, last_position: position });
  },
);

const materializeNoteThrownAway = defineMaterializer(
  NoteThrownAway,
  1,
  async ({ data }, { state }) => {
    await state.table(notes).get(data.noteId);
    state.table(notes).remove(data.noteId);
  },
);

export interface TakeNoteInput {
  readonly text: string;
  readonly box?: string;
  /** What goes wrong after the event was appended. */
  readonly then?: 'refuse' | 'throw';
}

export const TakeNote = defineCreator<TakeNoteInput, { noteId: string }>({
  name: 'TakeNote',
  run: async (context, { text, box = 'desk', then }) => {
    const noteId = context.newId();
    await context.append(NoteTaken, { noteId, box, text });
    if (then === 'refuse') throw new Refusal('not_today', 'Not today');
    if (then === 'throw') throw new TypeError('A bug in a creator');
    return { noteId };
  },
});

export const RewriteNote = defineCreator<{ noteId: string; text: string }, null>({
  name: 'RewriteNote',
  needs: ({ noteId }, needs) => needs.row(notes, 'note_id', noteId),
  run: async (context, { noteId, text }) => {
    if (!(await context.state.table(notes).get(noteId))) throw new Refusal('not_found', 'No note');
    await context.append(NoteRewritten, { noteId, text });
    return null;
  },
});

export const ThrowNoteAway = defineCreator<{ noteId: string }, null>({
  name: 'ThrowNoteAway',
  run: async (context, { noteId }) => {
    if (!(await context.state.table(notes).get(noteId))) throw new Refusal('not_found', 'No note');
    await context.append(NoteThrownAway, { noteId });
    return null;
  },
});

/** Counts with SQL, before and after taking a note itself; `then` as in {@link TakeNote}. */
export const CountNotes = defineCreator<TakeNoteInput, { before: number; after: number }>({
  name: 'CountNotes',
  run: async (context, input) => {
    const count = (db: Kysely<StateDatabase>) =>
      db
        .withTables<NoteTables>()
        .selectFrom('notes')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
    const before = (await context.state.query(count)).count;
    await context.append(NoteTaken, { noteId: context.newId(), box: 'desk', text: input.text });
    const after = (await context.state.query(count)).count;
    if (input.then === 'refuse') throw new Refusal('not_today', 'Not today');
    if (input.then === 'throw') throw new TypeError('A bug in a creator');
    return { before, after };
  },
});

/** Takes notes as commands of their own, and one itself at the end. */
export const TakeNotes = defineCreator<
  { inputs: readonly (TakeNoteInput & { key?: string; count?: boolean })[]; then?: 'refuse' },
  { codes: string[]; hits: boolean[] }
>({
  name: 'TakeNotes',
  run: async (context, { inputs, then }) => {
    const codes: string[] = [];
    const hits: boolean[] = [];
    for (const { key, count, ...input } of inputs) {
      const options = { idempotencyKey: key };
      const outcome = count
        ? await context.run(CountNotes, input, options)
        : await context.run(TakeNote, input, options);
      codes.push(outcome.kind === 'accepted' ? 'accepted' : outcome.refusal.code);
      hits.push(outcome.isHit);
    }
    if (then === 'refuse') throw new Refusal('not_today', 'Not today');
    return { codes, hits };
  },
});

const noteFeature = defineFeature({
  name: 'notes',
  tables: [notes, noteLines],
  materializers: [materializeNoteTaken, materializeNoteRewritten, materializeNoteThrownAway],
  creators: [TakeNote, RewriteNote, ThrowNoteAway, CountNotes, TakeNotes],
});

/** The notes first: what is sent of them is followed by rows of other tables. */
export const noteFeatures: readonly Feature[] = [noteFeature, ...features];
