import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { deleteEtcdCluster } from '../../../scripts/lib/etcd-cluster.mjs';
import { placesOf } from '../../../scripts/poc/places.mjs';
import { nodeVariables, readPocSettings } from '../../../scripts/poc/settings.mjs';
import { defaultConfig, loadConfig } from '../../../src/config/index.ts';
import { directoryWith } from './kit.ts';

const project = resolve(import.meta.dirname, '../../..');

const settingsOf = (env: NodeJS.ProcessEnv): ReturnType<typeof readPocSettings> =>
  readPocSettings(env, placesOf(env), () => Promise.resolve(loadConfig));

describe('what the start script reads in the configuration', () => {
  test('is the profile of the nodes, and by default members of its own below the project', async () => {
    expect(await settingsOf({})).toEqual({
      cluster: 'ha-poc',
      embedded: true,
      dataDirectory: join(project, 'data', 'etcd-cluster'),
      endpoints: defaultConfig.sequence.etcd.endpoints,
      compactionMinutes: 0,
      ledgerUrl: null,
    });
  });

  test('is changed as any setting, without a complaint about the script’s own variables', async () => {
    const env = { SEQD_ETCD_EMBEDDED: 'false', SEQD_ETCD_DATA_DIRECTORY: '/x y', SEQD_POC_LOG: '1' };
    expect(await settingsOf(env)).toMatchObject({ embedded: false, dataDirectory: '/x y' });
    await expect(settingsOf({ SEQD_ETCD_EMBEDDED: 'maybe' })).rejects.toThrow('sequence.etcd.embedded');
  });
});

describe('compaction', () => {
  test('is off by default, so that an etcd which seqd does not own keeps its history', () => {
    expect(defaultConfig.sequence.etcd.compactionMinutes).toBe(0);
    expect(nodeVariables({ ownEtcd: false, compactionMinutes: 0 })).toEqual({});
  });

  test('is on for the members that the start script runs, unless the configuration says how much', () => {
    const variables = nodeVariables({ ownEtcd: true, compactionMinutes: 0 });
    expect(loadConfig({ env: variables, flags: {} }).config.sequence.etcd.compactionMinutes).toBe(2);
    expect(nodeVariables({ ownEtcd: true, compactionMinutes: 5 })).toEqual({});
  });
});

test('a reset deletes what etcd wrote in its directory and nothing else', async () => {
  const plan = { token: 't', members: [{ name: 'etcd-1', clientPort: 1, peerPort: 2 }] };
  const directory = directoryWith({
    'cluster.json': JSON.stringify(plan),
    'etcd-1/member/wal': '',
    'mine/letter.txt': '',
  });
  await deleteEtcdCluster(directory);
  expect(
    ['cluster.json', 'etcd-1', 'mine/letter.txt'].map(name => existsSync(join(directory, name))),
  ).toEqual([false, false, true]);
  await deleteEtcdCluster(join(directory, 'mine'));
  expect(existsSync(join(directory, 'mine/letter.txt'))).toBe(true);
});
