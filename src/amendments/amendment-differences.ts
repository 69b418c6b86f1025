import { differs } from '../replay/comparison';
import type { RunReport } from '../replay/report';
import type { AmendmentDifferences } from './amendment.view';

/** What a rebuild with the amended events found, compared with the live state. */
export function differencesOf({ tables, tasks }: RunReport): AmendmentDifferences {
  return { tables: tables.filter(differs), tasks };
}
