import { defineConfig } from 'vitest/config';

// Unit and simulation tests need nothing but Node. Integration tests share one real three-member etcd
// cluster (test/kit/etcd-global-setup.ts), each under its own key prefix, and one real PostgreSQL
// (test/kit/postgres-global-setup.ts), each in a database of its own; those that kill, pause or fill a member
// start their own. Most of their time they wait, so two files run at once.
//
// Property tests draw their examples from a fixed seed; SEQD_FC_SEED changes it (test/kit/fast-check-setup.ts).
const setupFiles = ['test/kit/fast-check-setup.ts', 'test/kit/worker-end-setup.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          setupFiles,
          testTimeout: 30_000,
          // Of waiting for something that comes by itself; a second is little on a busy machine.
          expect: { poll: { timeout: 10_000 } },
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          setupFiles,
          testTimeout: 120_000,
        },
      },
      // Each test runs vitest on a changed copy of the sources; see test/mutation/guards.ts.
      {
        test: { name: 'mutation', include: ['test/mutation/**/*.test.ts'], setupFiles, testTimeout: 300_000 },
      },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          setupFiles,
          globalSetup: ['test/kit/etcd-global-setup.ts', 'test/kit/postgres-global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          setupFiles,
          globalSetup: ['test/kit/etcd-global-setup.ts', 'test/kit/postgres-global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      // The page in a real browser, against one demonstration that is started as a user starts it
      // (test/browser/kit/global-setup.ts). Tests break parts of it, so they run one file at a time.
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          setupFiles,
          globalSetup: ['test/browser/kit/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      // The failures of docs/design.md at length: hundreds of kills, partitions, overload.
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          setupFiles,
          globalSetup: ['test/kit/etcd-global-setup.ts', 'test/kit/postgres-global-setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
