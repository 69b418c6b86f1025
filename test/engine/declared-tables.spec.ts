import { cloneDatabases } from '../harness/databases';
import { startTestLedger } from '../harness/ledger';
import { NOTE_TABLES, noteFeatures } from '../harness/notes';

describe('a feature whose tables no migration makes', () => {
  it('stops the start, with every table that is missing', async () => {
    const databases = await cloneDatabases();
    await expect(startTestLedger({ databases, features: noteFeatures })).rejects.toThrow(
      /no table notes: no migration .*\n.*no table note_lines/,
    );
  });

  it('stops the start, with every column that is missing', async () => {
    const [notes, lines] = NOTE_TABLES;
    const without = lines!.replace('word text not null', 'words text not null');
    const databases = await cloneDatabases({ stateTables: [notes!, without] });
    await expect(startTestLedger({ databases, features: noteFeatures })).rejects.toThrow(
      "the state's table note_lines has no column word",
    );
  });
});
