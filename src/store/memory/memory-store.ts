import { type SeriesId, seriesName } from '../../core/identifiers.ts';
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

interface Version {
  readonly revision: number;
  /** `null` for a deletion. */
  readonly value: string | null;
}

/**
 * A store in memory with etcd's semantics: one revision per commit, reads at any past revision. For tests and
 * simulations; it forgets everything when the process ends.
 */
export class MemoryStore implements SequenceStore {
  private revision = 1;
  private readonly names = new Map<string, SeriesId>();
  /** Full key (`series|key`) to its versions, oldest first. */
  private readonly versions = new Map<string, Version[]>();
  private readonly leaderships = new Map<string, string>();

  async commit(commit: Commit): Promise<CommitOutcome> {
    const head = this.current(commit.series, 'head');
    const deposed = commit.leadership !== undefined && !this.leads(commit.leadership);
    if ((head?.value ?? null) !== commit.expectedHead || deposed) {
      const journal = this.current(commit.series, commit.journalKey);
      return { status: 'conflict', head: head?.value ?? null, journal, deposed, revision: this.revision };
    }
    this.revision += 1;
    this.names.set(seriesName(commit.series), commit.series);
    for (const { key, value } of commit.puts) this.write(commit.series, key, value);
    if (commit.transfer !== undefined)
      this.setLeadership({ key: commit.transfer.key, revision: String(this.revision) });
    for (const key of commit.deletes) this.write(commit.series, key, null);
    return { status: 'committed', revision: this.revision };
  }

  async read(series: SeriesId, key: string): Promise<{ record: StoredRecord | null; revision: number }> {
    return { record: this.current(series, key), revision: this.revision };
  }

  async range(query: RangeQuery): Promise<RangeResult> {
    return this.select(query);
  }

  async prune({ series, first, last, leadership, ledger }: Prune): Promise<boolean> {
    const start = this.value(series, KEYS.journalStart);
    const begins = start === (first === 1 ? null : encodeJournalStart(first));
    const allowed = this.value(series, KEYS.ledger) === ledger;
    if (!begins || !allowed || !this.leads(leadership)) return false;
    const { records } = this.select({ series, from: journalKey(first), to: journalKey(last + 1) });
    this.revision += 1;
    for (const { key } of records) this.write(series, key, null);
    this.write(series, KEYS.journalStart, encodeJournalStart(last + 1));
    return true;
  }

  async publishLedger({ series, expected, value, election }: LedgerPublication): Promise<boolean> {
    if (this.value(series, KEYS.ledger) !== expected || !this.leads(election)) return false;
    this.revision += 1;
    this.write(series, KEYS.ledger, value);
    return true;
  }

  async series(): Promise<SeriesId[]> {
    return [...this.names.values()];
  }

  async close(): Promise<void> {}

  /** Makes an election key stand, as a coordinator of a test would. */
  setLeadership(guard: LeadershipGuard): void {
    this.leaderships.set(guard.key, guard.revision);
  }

  /** Makes an election key vanish. */
  dropLeadership(key: string): void {
    this.leaderships.delete(key);
  }

  /** At once, so that a transaction can read and write in one step. */
  private select(query: RangeQuery): RangeResult {
    const revision = query.revision ?? this.revision;
    const prefix = `${seriesName(query.series)}|`;
    const records: StoredRecord[] = [];
    for (const [fullKey, versions] of this.versions) {
      if (!fullKey.startsWith(prefix)) continue;
      const key = fullKey.slice(prefix.length);
      if (key < query.from || key >= query.to) continue;
      const version = versions.findLast(candidate => candidate.revision <= revision);
      if (version !== undefined && version.value !== null) {
        records.push({ key, value: version.value, revision: version.revision });
      }
    }
    // etcd sorts bytes; JavaScript compares UTF-16 units.
    records.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
    const limit = query.limit ?? records.length;
    return { records: records.slice(0, limit), revision, more: records.length > limit };
  }

  private leads(guard: LeadershipGuard): boolean {
    return this.leaderships.get(guard.key) === guard.revision;
  }

  private value(series: SeriesId, key: string): string | null {
    return this.current(series, key)?.value ?? null;
  }

  private current(series: SeriesId, key: string): StoredRecord | null {
    const version = this.versions.get(`${seriesName(series)}|${key}`)?.at(-1);
    if (version === undefined || version.value === null) return null;
    return { key, value: version.value, revision: version.revision };
  }

  private write(series: SeriesId, key: string, value: string | null): void {
    const fullKey = `${seriesName(series)}|${key}`;
    const versions = this.versions.get(fullKey);
    const version = { revision: this.revision, value };
    if (versions === undefined) this.versions.set(fullKey, [version]);
    else versions.push(version);
  }
}
