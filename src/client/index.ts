// What users of the client need.
export { type ClientErrorCode, type Retry, SeqdClientError } from './client-error.ts';
export { RETRY_DEFAULTS, type RetryEvent } from './retry-loop.ts';
export { type Answer, type QueryFields, SeqdClient, type SeqdClientOptions } from './seqd-client.ts';
export type {
  AdoptInput,
  AdoptReply,
  AuditReply,
  AuditRow,
  ClusterView,
  HealthReply,
  LedgerStatus,
  NextInput,
  NextReply,
  NumberEvent,
  NumberLifeReply,
  NumberRange,
  OwnerStats,
  RaiseInput,
  RaiseReply,
  ReleaseInput,
  ReleaseReply,
  StatsReply,
  Vocabulary,
} from './types.ts';
