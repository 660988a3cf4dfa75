import type { ICompare, IKeyValue, IRangeRequest, IRangeResponse, IRequestOp } from 'etcd3';
import type { ErrorCode } from '../../core/errors.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import { encodeJournalStart, journalKey, KEYS } from '../../core/records.ts';
import type {
  Commit,
  CommitOutcome,
  LeadershipGuard,
  LedgerPublication,
  Prune,
  RangeQuery,
  RangeResult,
  SequenceStore,
  StoredRecord,
} from '../../ports/sequence-store.ts';
import type { EtcdConnection } from './etcd-connection.ts';
import { classifyEtcdFailure, isAnswerTooLarge, readFailure } from './etcd-errors.ts';
import { type EtcdKeys, prefixEnd } from './etcd-keys.ts';

/** Keys read in one answer to begin with; fewer when their values are so large that the answer would not be received. */
const RANGE_PAGE = 500;

/** Series in etcd. See the port for what each method promises. */
export class EtcdStore implements SequenceStore {
  private readonly connection: EtcdConnection;
  private readonly keys: EtcdKeys;

  constructor(connection: EtcdConnection, keys: EtcdKeys) {
    this.connection = connection;
    this.keys = keys;
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    const request = this.transaction(commit);
    try {
      const response = await this.connection.call((client, options) => client.kv.txn(request, options));
      const revision = Number(response.header.revision);
      if (response.succeeded) return { status: 'committed', revision };
      const [head, journal, leader] = response.responses.map(op => op.response_range.kvs[0]);
      return {
        status: 'conflict',
        head: head === undefined ? null : head.value.toString('utf8'),
        journal: journal === undefined ? null : toRecord(journal, commit.journalKey),
        deposed: commit.leadership !== undefined && leader?.mod_revision !== commit.leadership.revision,
        revision,
      };
    } catch (error) {
      const failure = classifyEtcdFailure(error);
      switch (failure.kind) {
        case 'refused':
          return { status: 'refused', code: failure.code, cause: error, final: failure.final };
        case 'doubtful':
          return this.lookAfter(commit, failure.code, error);
        case 'unknown':
          return { status: 'unknown', cause: error };
      }
    }
  }

  /** What became of a commit that was answered with a doubtful refusal. The answer came after whatever was done, so a read tells. */
  private async lookAfter(commit: Commit, code: ErrorCode, cause: unknown): Promise<CommitOutcome> {
    const ours = commit.puts.find(({ key }) => key === commit.journalKey)?.value;
    try {
      const { record } = await this.read(commit.series, commit.journalKey);
      if (record !== null && record.value === ours)
        return { status: 'committed', revision: record.revision, found: true };
      return { status: 'refused', code, cause, final: false };
    } catch (error) {
      return { status: 'unknown', cause: error };
    }
  }

  async read(series: SeriesId, key: string): Promise<{ record: StoredRecord | null; revision: number }> {
    const request = { key: Buffer.from(this.keys.seriesRecord(series, key)) };
    const response = await this.connection.read((client, options) => client.kv.range(request, options));
    const found = response.kvs[0];
    return {
      record: found === undefined ? null : toRecord(found, key),
      revision: Number(response.header.revision),
    };
  }

  async range(query: RangeQuery): Promise<RangeResult> {
    const prefix = this.keys.seriesRecord(query.series, '');
    const records: StoredRecord[] = [];
    const wanted = query.limit ?? Number.POSITIVE_INFINITY;
    let { from } = query;
    let revision = query.revision ?? 0;
    let page = RANGE_PAGE;
    for (;;) {
      const limit = Math.min(page, wanted - records.length);
      const request = {
        key: Buffer.from(prefix + from),
        range_end: Buffer.from(prefix + query.to),
        limit,
        revision,
      };
      const response = await this.readPage(request);
      if (response === 'too large') {
        page = Math.max(1, Math.floor(limit / 4));
        continue;
      }
      // All further answers are read at the revision of the first, so that together they are one state.
      if (revision === 0) revision = Number(response.header.revision);
      for (const kv of response.kvs) records.push(toRecord(kv, kv.key.toString('utf8').slice(prefix.length)));
      if (!response.more || records.length >= wanted) return { records, revision, more: response.more };
      from = `${records.at(-1)!.key}\0`;
    }
  }

  /** Reads what the request asks for, or says that so many records are more than one answer may hold. */
  private async readPage(request: IRangeRequest & { limit: number }): Promise<IRangeResponse | 'too large'> {
    try {
      return await this.connection.read((client, options) => client.kv.range(request, options));
    } catch (error) {
      if (request.limit > 1 && isAnswerTooLarge(error)) return 'too large';
      throw error;
    }
  }

  async prune({ series, first, last, leadership, ledger }: Prune): Promise<boolean> {
    const key = (name: string): Buffer => Buffer.from(this.keys.seriesRecord(series, name));
    const start = key(KEYS.journalStart);
    const begins = readsAs(start, first === 1 ? null : encodeJournalStart(first));
    const request = {
      compare: [guardCompare(leadership), begins, readsAs(key(KEYS.ledger), ledger)],
      success: [
        { request_delete_range: { key: key(journalKey(first)), range_end: key(journalKey(last + 1)) } },
        { request_put: { key: start, value: Buffer.from(encodeJournalStart(last + 1)) } },
      ],
    };
    return this.attempt(request);
  }

  async publishLedger({ series, expected, value, election }: LedgerPublication): Promise<boolean> {
    const key = Buffer.from(this.keys.seriesRecord(series, KEYS.ledger));
    return this.attempt({
      compare: [guardCompare(election), readsAs(key, expected)],
      success: [{ request_put: { key, value: Buffer.from(value) } }],
    });
  }

  /** Whether a transaction's compares held and it was carried out. @throws SeqdError `unavailable` */
  private async attempt(request: { compare: ICompare[]; success: IRequestOp[] }): Promise<boolean> {
    try {
      return (await this.connection.call((client, options) => client.kv.txn(request, options))).succeeded;
    } catch (error) {
      throw readFailure(error);
    }
  }

  async series(): Promise<SeriesId[]> {
    const found: SeriesId[] = [];
    const end = Buffer.from(prefixEnd(this.keys.series));
    let from = Buffer.from(this.keys.series);
    // One key per series: after each series found, skip to the next one's first key.
    for (;;) {
      const request = { key: from, range_end: end, limit: 1, keys_only: true };
      const response = await this.connection.read((client, options) => client.kv.range(request, options));
      const first = response.kvs[0];
      if (first === undefined) return found;
      const id = this.keys.parseSeries(first.key.toString('utf8'));
      found.push(id);
      from = Buffer.from(prefixEnd(this.keys.seriesRecord(id, '')));
    }
  }

  async close(): Promise<void> {}

  private transaction(commit: Commit): { compare: ICompare[]; success: IRequestOp[]; failure: IRequestOp[] } {
    const key = (name: string): Buffer => Buffer.from(this.keys.seriesRecord(commit.series, name));
    const head = key(KEYS.head);
    const compare: ICompare[] = [readsAs(head, commit.expectedHead)];
    const failure: IRequestOp[] = [
      { request_range: { key: head } },
      { request_range: { key: key(commit.journalKey) } },
    ];
    if (commit.leadership !== undefined) {
      compare.push(guardCompare(commit.leadership));
      failure.push({ request_range: { key: Buffer.from(commit.leadership.key) } });
    }
    const success: IRequestOp[] = commit.puts.map(put => ({
      request_put: { key: key(put.key), value: Buffer.from(put.value) },
    }));
    if (commit.transfer !== undefined) {
      const { key: leaderKey, value, lease } = commit.transfer;
      success.push({ request_put: { key: Buffer.from(leaderKey), value: Buffer.from(value), lease } });
    }
    for (const name of commit.deletes) success.push({ request_delete_range: { key: key(name) } });
    return { compare, success, failure };
  }
}

/** Holds while the key has this text, or is not there for `null`. */
function readsAs(key: Buffer, text: string | null): ICompare {
  return text === null
    ? { key, target: 'Create', result: 'Equal', create_revision: 0 }
    : { key, target: 'Value', result: 'Equal', value: Buffer.from(text) };
}

function guardCompare({ key, revision }: LeadershipGuard): ICompare {
  return { key: Buffer.from(key), target: 'Mod', result: 'Equal', mod_revision: revision };
}

function toRecord(kv: IKeyValue, key: string): StoredRecord {
  return { key, value: kv.value.toString('utf8'), revision: Number(kv.mod_revision) };
}
