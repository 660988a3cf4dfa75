import { Etcd3 } from 'etcd3';
import { noop } from 'cockatiel';
import type { LeadershipGuard, SequenceStore } from '../../src/ports/sequence-store.ts';
import { EtcdConnection } from '../../src/store/etcd/etcd-connection.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { EtcdStore } from '../../src/store/etcd/etcd-store.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';

/** An adapter under test, empty, with the means to elect and depose a leader behind its back. */
export interface StoreUnderTest {
  readonly store: SequenceStore;
  /** Makes a new leadership stand, in place of any other. */
  elect(): Promise<LeadershipGuard>;
  /** Takes the leadership away; nobody leads. */
  depose(): Promise<void>;
  close(): Promise<void>;
}

/** Every adapter of the store port, by name. */
export const STORE_SUBJECTS: readonly (readonly [string, () => Promise<StoreUnderTest>])[] = [
  ['memory', openMemory],
  ['etcd', openEtcd],
];

async function openMemory(): Promise<StoreUnderTest> {
  const store = new MemoryStore();
  const key = '/leaders/one';
  let revision = 0;
  return {
    store,
    async elect() {
      revision += 1;
      const guard = { key, revision: String(revision) };
      store.setLeadership(guard);
      return guard;
    },
    async depose() {
      store.dropLeadership(key);
    },
    close: () => store.close(),
  };
}

async function openEtcd(): Promise<StoreUnderTest> {
  const endpoints = sharedEndpoints();
  const keys = new EtcdKeys(uniqueCluster());
  const connection = new EtcdConnection({ endpoints, callTimeoutMs: 10_000 });
  const direct = new Etcd3({ hosts: endpoints, faultHandling: { global: noop, host: () => noop } });
  const store = new EtcdStore(connection, keys);
  const key = `${keys.leaders}one`;
  return {
    store,
    async elect() {
      const { header } = await direct.put(key).value('somebody');
      return { key, revision: header.revision };
    },
    async depose() {
      await direct.delete().key(key);
    },
    async close() {
      await store.close();
      connection.close();
      await direct.delete().prefix(keys.root);
      direct.close();
    },
  };
}
