import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { AuditReply, AuditRow, QueryFields } from '../../client/index.ts';
import { ExportCheck, type ExportFormat } from '../../ledger/audit/export-text.ts';
import { oneLine } from '../../ledger/report/report-text.ts';
import { CliError, usageError } from '../cli-error.ts';
import { addClientOptions, type ClientOptions, parseCount, withClient } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, printLines, table } from '../output.ts';
import { saveAnswer } from '../save-answer.ts';

interface AuditOptions extends ClientOptions {
  readonly site?: string;
  readonly partition?: string;
  readonly type?: string;
  readonly client?: string;
  readonly from?: string;
  readonly to?: string;
  readonly kind?: string;
  readonly number?: string;
  readonly reference?: string;
  readonly key?: string;
  readonly newestFirst?: true;
  readonly limit?: number;
  readonly cursor?: string;
  readonly expand?: true;
  readonly format?: string;
  readonly output?: string;
  readonly check?: string;
}

/** `seqd audit`: the audit trail, a page of it or all of it as a file, and the check of such a file. */
export function registerAudit(program: Command, context: CliContext): void {
  const command = program
    .command('audit')
    .description(
      'search the audit trail; with --format export all of it; with --check tell whether an export is whole',
    )
    .option('--site <id>', 'only of this site')
    .option('--partition <id>', 'only of this partition')
    .option('--type <name>', 'only of this document type')
    .option('--client <id>', 'only what this client asked for')
    .option('--from <time>', 'since this date (UTC) or time, such as 2026-01-31 or 2026-01-31T08:00:00Z')
    .option('--to <time>', 'before this time, or up to the end of this date')
    .option(
      '--kind <names>',
      'issue, block, reserve, confirm, cancel, expire, release, void, raise, import, adopt, retire',
    )
    .option('--number <n>', 'a number, or a range such as 4711-4720')
    .option('--reference <text>', "the document's own name")
    .option('--key <key>', 'the idempotency key of the request')
    .option('--expand', 'a row for each number, instead of one for a run of them')
    .option('--newest-first', 'the newest rows on the first page, instead of the oldest')
    .option('--limit <n>', 'rows of the page', parseCount)
    .option('--cursor <text>', 'where the page before has ended')
    .option('--format <name>', 'export everything as csv or json (a JSON document a line)')
    .option('--output <file>', 'write the export there, not on stdout')
    .option('--check <file>', 'tell whether an export is whole and unchanged; asks no server');
  addClientOptions(command).action(async (options: AuditOptions) => {
    if (options.check !== undefined) return checkFile(options.check, options, context);
    if (options.format !== undefined) return exportAll(options, context);
    if (options.output !== undefined)
      throw usageError('--output is for exports; add --format csv or --format json');
    const { limit, cursor } = options;
    const order = options.newestFirst === true ? 'desc' : undefined;
    const page = await withClient(options, context, client =>
      client.audit({ ...fieldsOf(options), order, limit, cursor }),
    );
    if (options.json === true) printJson(context.stdout, page);
    else printLines(context.stdout, describePage(page));
  });
}

function fieldsOf(options: AuditOptions): QueryFields {
  return {
    siteId: options.site,
    partitionId: options.partition,
    invoiceType: options.type,
    clientId: options.client,
    from: options.from,
    to: options.to,
    kind: options.kind,
    number: options.number,
    reference: options.reference,
    idempotencyKey: options.key,
    expand: options.expand === true ? 'numbers' : undefined,
  };
}

async function exportAll(options: AuditOptions, context: CliContext): Promise<void> {
  const format = options.format as ExportFormat;
  if (options.limit !== undefined || options.cursor !== undefined || options.newestFirst === true)
    throw usageError(
      '--limit, --cursor and --newest-first are for pages; an export has everything, the oldest first',
    );
  const check = new ExportCheck();
  await withClient(options, context, client =>
    saveAnswer(
      client.download(
        '/api/v1/audit',
        { ...fieldsOf(options), format },
        { timeoutMs: options.timeout * 1_000 },
      ),
      { file: options.output, context, look: piece => check.feed(piece) },
    ).catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ECONNRESET' || code === 'ECONNABORTED')
        throw new CliError('the export was cut off; what was written is not complete');
      throw error;
    }),
  );
  const verdict = check.verdict();
  if (!verdict.complete) throw new CliError(`the export is not complete: ${verdict.reason}`);
  context.stderr.write(`${verdict.rows} rows, sha256 ${verdict.sha256}\n`);
}

async function checkFile(file: string, options: AuditOptions, context: CliContext): Promise<void> {
  const check = new ExportCheck();
  try {
    for await (const piece of createReadStream(resolve(context.cwd, file))) check.feed(piece as Buffer);
  } catch (error) {
    throw usageError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
  const verdict = check.verdict();
  if (!verdict.complete) context.exitWith(EXIT.failed);
  if (options.json === true) printJson(context.stdout, { file, ...verdict });
  else if (verdict.complete)
    printLines(context.stdout, [`${file} is complete: ${verdict.rows} rows, sha256 ${verdict.sha256}`]);
  else printLines(context.stdout, [`${file} is NOT complete: ${verdict.reason}`]);
}

/** A page as lines for people. */
export function describePage(page: AuditReply): string[] {
  const { rows, next, ledger, journal } = page;
  const lines =
    rows.length === 0
      ? ['nothing matches']
      : table([['position', 'when', 'what', 'numbers', 'who', 'about'], ...rows.map(describeRow)]);
  const source = ledger === null ? 'from etcd’s journal' : `ledger up to batch ${ledger.batch}`;
  lines.push('', `${source}, journal up to batch ${journal.batch}, revision ${page.revision}`);
  if (page.problem !== undefined) lines.push(`NOT COMPLETE: ${oneLine(page.problem)}.`);
  if (!page.complete && page.from !== undefined)
    lines.push(`Not all may be here: the journal begins with batch ${page.from}.`);
  if (next !== null) lines.push(`There is more: --cursor ${next}`);
  return lines;
}

function describeRow(row: AuditRow): string[] {
  const { first, last } = row;
  const owner = row['siteId'] === null ? '' : `${row['siteId']}/${row['partitionId']} ${row['invoiceType']}`;
  const parts = (fields: readonly string[]): string =>
    fields.flatMap(field => (row[field] === null ? [] : [String(row[field])])).join(', ');
  const released = row['releasedTo'] === null ? '' : ` to ${row['releasedTo']}`;
  return [
    String(row['position']),
    String(row['at']),
    `${row['event']}${released}`,
    first === last ? String(first) : `${first}–${last}`,
    oneLine([owner, parts(['clientId', 'actor'])].filter(part => part !== '').join(', ')),
    oneLine(parts(['reference', 'reason', 'traceId', 'idempotencyKey'])),
  ];
}
