import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { amend } from '../src/proof/amendments/amend';
import type { AmendmentCommand } from '../src/proof/amendments/amendment.commands';
import { Config } from '../src/config';
import { migrate } from '../src/database/migrator';
import { Refusal } from '../src/engine/define/refusal';
import { Registry } from '../src/engine/define/registry';
import { features } from '../src/features';
import { fieldErrors } from '../src/http/validation';
import { parseJsonBody } from '../src/http/json-body';
import {
  AmendEventDto,
  RestoreEventDto,
  type AmendmentDto,
} from '../src/proof/amendments/amendment.dto';
import { progressBar } from './progress-bar';
import { openDatabases, parseCommandLine, runScript, UsageError } from './run-script';

const [DONE, REFUSED, EVENT_OF_DOOM] = [0, 1, 4];
const STDIN = 0;
const USAGE =
  'npm run amend -- POSITION (--data FILE|- | --restore AMENDMENT) --reason TEXT ' +
  '[--also FILE] [--what-if] [--json]';
const OPTIONS = {
  data: { type: 'string' },
  also: { type: 'string' },
  restore: { type: 'string' },
  reason: { type: 'string' },
  'what-if': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

runScript(async () => {
  const { values, positionals } = parseCommandLine({ options: OPTIONS, allowPositionals: true });
  const command = commandOf(values, positionals);
  const urls = await openDatabases(Config.load());
  await migrate(urls);
  const progress = progressBar('events');
  const outcome = await amend(
    {
      urls,
      registry: new Registry(features),
      onProgress: (position, head) => progress.update(position, head),
    },
    command,
  ).finally(() => progress.stop());
  if (outcome.kind === 'refused') return tellRefusal(outcome.refusal, values.json);
  const { answer } = outcome;
  const line = values.json ? JSON.stringify(answer) : summaryOf(answer);
  process.stdout.write(`${line}\n`);
  return DONE;
});

type Values = ReturnType<typeof parseCommandLine<{ options: typeof OPTIONS }>>['values'];

/** @throws UsageError, Refusal for a file that is no JSON */
function commandOf(values: Values, positionals: readonly string[]): AmendmentCommand {
  const position = Number(positionals[0]);
  const { reason, data, also, restore } = values;
  const isOne = positionals.length === 1 && Number.isSafeInteger(position) && position > 0;
  if (!isOne || (data === undefined) === (restore === undefined)) throw new UsageError(USAGE);
  if (reason === undefined) throw new UsageError('Say why: --reason TEXT');
  const origin = { actor: `script:${userInfo().username}`, dryRun: values['what-if'] };
  if (restore !== undefined) {
    const amendment = Number(restore);
    if (!Number.isSafeInteger(amendment) || amendment < 1) throw new UsageError(USAGE);
    checkFields(RestoreEventDto, { reason });
    return { ...origin, name: 'RestoreEvent', input: { position, amendment, reason } };
  }
  const body = {
    data: readJson(data!),
    reason,
    ...(also !== undefined && { also: readJson(also) }),
  };
  checkFields(AmendEventDto, body);
  return { ...origin, name: 'AmendEvent', input: { position, ...(body as AmendEventDto) } };
}

/** What the API would not take either. @throws UsageError */
function checkFields(...[dto, body]: Parameters<typeof fieldErrors>): void {
  const [error] = fieldErrors(dto, body);
  if (error) throw new UsageError(`${error.pointer} ${error.message}`);
}

function readJson(file: string): unknown {
  const bytes = readFileSync(file === '-' ? STDIN : file);
  try {
    return parseJsonBody(bytes);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const problem = error.details.errors?.[0]?.message ?? error.detail;
    throw new UsageError(`${file} ${problem}`);
  }
}

function tellRefusal({ code, detail, details }: Refusal, isJson: boolean): number {
  if (isJson) process.stdout.write(`${JSON.stringify({ code, detail, ...details })}\n`);
  const where = (details.errors ?? []).map(({ pointer, message }) => `\n  ${pointer} ${message}`);
  process.stderr.write(`Nothing was changed. ${detail}${where.join('')}\n`);
  return code === 'amendment_not_materializable' ? EVENT_OF_DOOM : REFUSED;
}

function summaryOf({ position, type, amendment, amendedAt, differences, ...rest }: AmendmentDto) {
  const { tables, tasks } = differences;
  const rows = tables.map((t) => {
    const counts = `${t.missing} more, ${t.extra} less, ${t.changed} changed`;
    return `  ${t.table}: ${counts}, from position ${t.firstDivergingPosition} on`;
  });
  const asked = `  tasks: ${tasks.extra} asked for that were not, ${tasks.missing} no longer`;
  const what =
    amendedAt === null
      ? `What if event ${position} (${type}) were amended: nothing was kept.`
      : `Amended event ${position} (${type}, amendment ${amendment}): event ` +
        `${rest.amendedAtPosition} says so, and the original is in the backup.`;
  const head = 'In the state, compared with before:';
  return [what, head, ...(rows.length > 0 ? rows : ['  no row differs']), asked].join('\n');
}
