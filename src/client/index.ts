// What users of the client need.
export { type ClientErrorCode, type Retry, SeqdClientError } from './client-error.ts';
export { RETRY_DEFAULTS, type RetryEvent } from './retry-loop.ts';
export { type Answer, SeqdClient, type SeqdClientOptions } from './seqd-client.ts';
export type {
  ClusterView,
  HealthReply,
  NextInput,
  NextReply,
  NumberRange,
  OwnerStats,
  ReleaseInput,
  ReleaseReply,
  StatsReply,
  Vocabulary,
} from './types.ts';
