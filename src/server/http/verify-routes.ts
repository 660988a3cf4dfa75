import { type Response, Router } from 'express';
import type { CompletenessReport } from '../../core/completeness.ts';
import { type SeriesId, seriesName } from '../../core/identifiers.ts';
import type { Coordination } from '../../ports/coordination.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';
import { SharedRun } from '../../sequencer/shared-run.ts';
import { verifySeries } from '../../verify/verify-series.ts';
import { refuseAll } from './fields.ts';
import { JSON_TYPE, sendHead, sendJson } from './respond.ts';
import { notAllowed } from './sequence-routes.ts';

/** What the route works with. */
export interface VerifyRoutesOptions {
  readonly series: SeriesId;
  readonly store: SequenceStore;
  readonly coordination: Coordination;
  /** SHA-256 in lower-case hex. */
  readonly digest: (text: string) => string;
}

/** Of holes, duplicates and problems no more are listed; how many there are is told. */
const LISTED_MAX = 20;

/** `GET /api/v1/verify`: the proof that `seqd verify` makes, made by the node. */
export function createVerifyRoutes(options: VerifyRoutesOptions): Router {
  const router = Router();
  // A proof reads the whole journal, so one is made at a time.
  const proofs = new SharedRun(() => makeProof(options));
  router
    .route('/verify')
    .head((request, response) => {
      refuseAll(request.query);
      sendHead(response, JSON_TYPE);
    })
    .get((request, response) => {
      refuseAll(request.query);
      return answerVerify(options, proofs, response);
    })
    .all(notAllowed('GET'));
  return router;
}

async function answerVerify(
  { series, coordination }: VerifyRoutesOptions,
  proofs: SharedRun<Proof>,
  response: Response,
): Promise<void> {
  const { report, ms } = await proofs.result();
  sendJson(response, 200, {
    series: seriesName(series),
    ...describeProof(report),
    ms: Math.round(ms),
    node: coordination.self.id,
  });
}

/** A proof for programs; of a series without numbers, the little there is to say. */
export function describeProof(report: CompletenessReport | null): object {
  if (report === null) return NO_NUMBERS;
  const { complete, revision, start, next, holes, missing, duplicates, problems, chain } = report;
  return {
    complete,
    first: start,
    last: next - 1,
    numbers: report.numbers,
    issued: report.issued,
    pooled: report.pooled,
    reserved: report.reserved,
    void: report.void,
    imported: report.imported,
    holes: missing,
    missing: holes.slice(0, LISTED_MAX),
    duplicates: duplicates.slice(0, LISTED_MAX),
    problems: problems.slice(0, LISTED_MAX),
    batches: report.batches,
    facts: report.facts,
    journalFirst: report.journalFirst,
    witnessedByStateOnly: report.witnessedByStateOnly,
    chain,
    revision,
  };
}

const NO_NUMBERS = {
  complete: true,
  numbers: 0,
  issued: 0,
  pooled: 0,
  reserved: 0,
  void: 0,
  imported: 0,
  holes: 0,
  missing: [],
  duplicates: [],
  problems: [],
} as const;

interface Proof {
  readonly report: CompletenessReport | null;
  readonly ms: number;
}

async function makeProof({ store, series, digest }: VerifyRoutesOptions): Promise<Proof> {
  const startedAtMs = performance.now();
  const report = await verifySeries(store, series, digest);
  return { report, ms: performance.now() - startedAtMs };
}
