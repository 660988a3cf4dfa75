import { type Request, type Response, Router } from 'express';
import { SeqdError } from '../../core/errors.ts';
import { formatAllocationId, type Owner, type SeriesId, seriesName } from '../../core/identifiers.ts';
import { auditRow } from '../../ledger/audit/audit-row.ts';
import { streamAudit } from '../../ledger/audit/audit-stream.ts';
import { readAuditPage } from '../../ledger/audit/audit-trail.ts';
import { EXPORT_TYPES } from '../../ledger/audit/export-text.ts';
import { describeEvent } from '../../ledger/life/life-events.ts';
import { describeState, readNumberLife } from '../../ledger/life/number-life.ts';
import { REPORT_PAGE_CSP, reportPage } from '../../ledger/report/report-page.ts';
import { reportCsv, reportText } from '../../ledger/report/report-text.ts';
import { makeReport } from '../../ledger/report/series-report.ts';
import type { Coordination } from '../../ports/coordination.ts';
import type { AuditFilter, LedgerReader } from '../../ports/ledger-reader.ts';
import type { Logger } from '../../ports/logger.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';
import { decodeCursor, encodeCursor } from './audit-cursor.ts';
import { goneSignal, withDeadline } from './deadline.ts';
import { parseAudit, parseLife, parseReport, refuseUnknownOwner, type ReportQuery } from './ledger-input.ts';
import { JSON_TYPE, sendHead, sendJson } from './respond.ts';
import { sendExport } from './send-export.ts';
import { notAllowed } from './sequence-routes.ts';
import type { Vocabulary } from './number-input.ts';

/** What the routes work with. */
export interface LedgerRoutesOptions {
  readonly series: SeriesId;
  readonly cluster: string;
  readonly store: SequenceStore;
  /** `undefined`: no ledger is configured, and etcd's journal answers as far as it reaches. */
  readonly reader: LedgerReader | undefined;
  readonly coordination: Coordination;
  readonly vocabulary: Vocabulary;
  readonly logger: Logger;
}

/**
 * For the ledger's part in what a person waits for. Clients give an attempt up after 5 s: of one number the journal then tells as much as
 * it can within that time, and a page is refused while there is somebody to hear it.
 */
const LIFE_WAIT_MS = 2_500;
const PAGE_WAIT_MS = 4_000;

/** Exports and reports under way on one node at once: each holds a connection to the ledger, or reads a whole journal. */
const LONG_READS_MAX = 2;

/** `/api/v1`: the life of a number, the audit trail, the completeness report. */
export function createLedgerRoutes(options: LedgerRoutesOptions): Router {
  const router = Router();
  const longReads = new LongReads(LONG_READS_MAX);
  router
    .route('/numbers/:number')
    .get((request, response) => answerLife(options, request, response))
    .all(notAllowed('GET'));
  router
    .route('/audit')
    .head((request, response) => answerAuditHead(options, request, response))
    .get((request, response) => answerAudit(options, longReads, request, response))
    .all(notAllowed('GET'));
  router
    .route('/report')
    .head((request, response) => answerReportHead(options, request, response))
    .get((request, response) => answerReport(options, longReads, request, response))
    .all(notAllowed('GET'));
  return router;
}

async function answerLife(options: LedgerRoutesOptions, request: Request, response: Response): Promise<void> {
  const { number, after, limit } = parseLife(String(request.params['number']), request.query);
  const signal = AbortSignal.timeout(LIFE_WAIT_MS);
  const life = await readNumberLife(options, number, { after, limit, signal });
  const last = life.events.at(-1);
  sendJson(response, 200, {
    number,
    series: seriesName(options.series),
    state: describeState(life.state),
    events: life.events.map(describeEvent),
    next: life.more && last !== undefined ? formatAllocationId(last.position) : null,
    complete: life.complete,
    ...(life.from === null ? {} : { from: life.from }),
    consistent: life.consistent,
    ...(life.problem === null ? {} : { problem: life.problem }),
    revision: life.revision,
    ledger: life.ledgerSequence === null ? null : { batch: life.ledgerSequence },
    journal: { batch: life.journalSequence },
    node: options.coordination.self.id,
  });
}

async function answerAudit(
  options: LedgerRoutesOptions,
  longReads: LongReads,
  request: Request,
  response: Response,
): Promise<void> {
  const name = seriesName(options.series);
  const { filter, order, cursor, limit, expanded, format } = parseAudit(request.query, name);
  const gone = goneSignal(response);
  if (format !== undefined) {
    await unlessGone(gone, async () => {
      await withDeadline(gone, PAGE_WAIT_MS, signal => checkOwner(options, filter, signal));
      await longReads.run(() => {
        const extension = format === 'csv' ? 'csv' : 'ndjson';
        const fileName = `audit-${options.series.series}.${extension}`;
        return sendExport(response, streamAudit(options, filter, { signal: gone }), {
          format,
          expanded,
          fileName,
          gone,
        });
      });
    });
    return;
  }
  const scope = { filter, expanded, order };
  const after = cursor === undefined ? undefined : decodeCursor(cursor, scope);
  const page = await unlessGone(gone, () =>
    withDeadline(gone, PAGE_WAIT_MS, async signal => {
      await checkOwner(options, filter, signal);
      return readAuditPage(options, filter, { order, after, limit, expanded }, { signal });
    }),
  );
  if (page === undefined) return;
  sendJson(response, 200, {
    series: name,
    rows: page.facts.map(auditRow),
    next: page.next === null ? null : encodeCursor(page.next, scope),
    complete: page.from === 1 && page.problem === null,
    ...(page.from === 1 ? {} : { from: page.from }),
    ...(page.problem === null ? {} : { problem: page.problem }),
    revision: page.revision,
    ledger: page.ledgerSequence === null ? null : { batch: page.ledgerSequence },
    journal: { batch: page.journalSequence },
    node: options.coordination.self.id,
  });
}

async function answerReport(
  options: LedgerRoutesOptions,
  longReads: LongReads,
  request: Request,
  response: Response,
): Promise<void> {
  const { store, series, cluster, reader, coordination } = options;
  const { range, at, format, requestedBy } = parseReport(request.query, seriesName(series));
  const sources = { store, series, cluster, reader, node: coordination.self.id, now: Date.now };
  const signal = goneSignal(response);
  const report = await unlessGone(signal, () =>
    longReads.run(() => makeReport(sources, { range, at, requestedBy, signal })),
  );
  if (report === undefined) return;
  // For those who need no more of it.
  response.setHeader('x-report-complete', String(report.complete));
  switch (format) {
    case 'json':
      return sendJson(response, 200, report);
    case 'csv':
      return sendText(response, reportCsv(report), REPORT_TYPES.csv);
    case 'text':
      return sendText(response, `${reportText(report).join('\n')}\n`, REPORT_TYPES.text);
    case 'html':
      response.setHeader('content-security-policy', REPORT_PAGE_CSP);
      response.setHeader('referrer-policy', 'no-referrer');
      return sendText(response, reportPage(report), REPORT_TYPES.html);
  }
}

function answerAuditHead({ series }: LedgerRoutesOptions, request: Request, response: Response): void {
  const { format } = parseAudit(request.query, seriesName(series));
  sendHead(response, format === undefined ? JSON_TYPE : EXPORT_TYPES[format]);
}

function answerReportHead({ series }: LedgerRoutesOptions, request: Request, response: Response): void {
  const { format } = parseReport(request.query, seriesName(series));
  sendHead(response, REPORT_TYPES[format]);
}

const REPORT_TYPES: Readonly<Record<ReportQuery['format'], string>> = {
  json: JSON_TYPE,
  csv: 'text/csv; charset=utf-8; header=present',
  text: 'text/plain; charset=utf-8',
  html: 'text/html; charset=utf-8',
};

function sendText(response: Response, text: string, type: string): void {
  response.writeHead(200, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

/** Names that are configured are known without asking; others may be from before the configuration was changed. */
async function checkOwner(
  { vocabulary, reader }: LedgerRoutesOptions,
  filter: AuditFilter,
  signal: AbortSignal,
): Promise<void> {
  const { sites, invoiceTypes } = vocabulary;
  const known = {
    site: new Set(sites.keys()),
    partition: new Set([...sites.values()].flat()),
    type: new Set(Object.keys(invoiceTypes)),
  };
  const isKnown = (name: keyof typeof known): boolean =>
    filter[name] === undefined || known[name].has(filter[name]);
  if (isKnown('site') && isKnown('partition') && isKnown('type')) return;
  const owners: readonly Owner[] = (await reader?.owners({ signal })) ?? [];
  for (const owner of owners) {
    known.site.add(owner.site);
    known.partition.add(owner.partition);
    known.type.add(owner.type);
  }
  refuseUnknownOwner(filter, known);
}

/** Nobody is told what has become of what nobody waits for. */
async function unlessGone<T>(gone: AbortSignal, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (gone.aborted) return undefined;
    throw error;
  }
}

/** Refuses what would be one long read too many. */
class LongReads {
  private readonly maximum: number;
  private underWay = 0;

  constructor(maximum: number) {
    this.maximum = maximum;
  }

  /** @throws SeqdError `overloaded`, and what the read throws */
  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.underWay >= this.maximum)
      throw new SeqdError('overloaded', `${this.maximum} exports or reports are under way on this node`, {
        details: { retryAfterSeconds: 5 },
      });
    this.underWay += 1;
    try {
      return await read();
    } finally {
      this.underWay -= 1;
    }
  }
}
