import { splitEtcdAccess } from '../../config/index.ts';
import { SeqdError } from '../../core/errors.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';
import { EtcdConnection } from './etcd-connection.ts';
import { EtcdKeys } from './etcd-keys.ts';
import { EtcdStore } from './etcd-store.ts';

/** A store with the connection under it, and how the keys of its cluster are named. */
export interface OpenEtcdStore {
  readonly store: SequenceStore;
  readonly connection: EtcdConnection;
  readonly keys: EtcdKeys;
}

/**
 * Opens the series of one seqd cluster in etcd; the caller closes the connection.
 *
 * @throws SeqdError `invalid_request` for endpoints with credentials: the client's password authentication loses
 *   its token at the wrong moments, so etcd must be protected by TLS or by the network
 */
export function openEtcdStore(options: {
  readonly endpoints: readonly string[];
  readonly cluster: string;
  readonly callTimeoutMs: number;
}): OpenEtcdStore {
  const { hosts, auth } = splitEtcdAccess(options.endpoints);
  if (auth !== undefined)
    throw new SeqdError('invalid_request', 'etcd endpoints with credentials are not supported');
  const connection = new EtcdConnection({ endpoints: hosts, callTimeoutMs: options.callTimeoutMs });
  const keys = new EtcdKeys(options.cluster);
  return { store: new EtcdStore(connection, keys), connection, keys };
}
