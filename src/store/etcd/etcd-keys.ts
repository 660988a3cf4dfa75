import { GLOBAL_SERIES, type SeriesId } from '../../core/identifiers.ts';

/** Keys of one seqd cluster in etcd: `/seqd/<cluster>/…`. */
export class EtcdKeys {
  readonly root: string;

  constructor(cluster: string) {
    this.root = `/seqd/${cluster}/`;
  }

  get series(): string {
    return `${this.root}series/`;
  }

  get nodes(): string {
    return `${this.root}nodes/`;
  }

  get leaders(): string {
    return `${this.root}leaders/`;
  }

  seriesRecord(id: SeriesId, key: string): string {
    return `${this.series}${id.tenant}/${id.series}/${id.period}/${key}`;
  }

  node(nodeId: string): string {
    return this.nodes + nodeId;
  }

  leader(id: SeriesId): string {
    return `${this.leaders}${id.tenant}/${id.series}`;
  }

  /** The series a record's key belongs to. */
  parseSeries(key: string): SeriesId {
    const [tenant, series, period] = key.slice(this.series.length).split('/');
    return { tenant: tenant ?? GLOBAL_SERIES.tenant, series: series ?? '', period: period ?? '' };
  }
}

/** The end of the range of all keys with this prefix, exclusive. */
export function prefixEnd(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
