import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { leafByPath } from '../../../src/config/leaves.ts';
import { ERROR_CODES } from '../../../src/core/errors.ts';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import { EventMetrics } from '../../../src/server/event-metrics.ts';
import { Metrics } from '../../../src/server/metrics.ts';
import { observePatrol } from '../../../src/server/patrol-metrics.ts';
import { run } from './run.ts';

const page = readFileSync(new URL('../../../docs/runbook.md', import.meta.url), 'utf8');
const namesOf = (pattern: RegExp): string[] => [
  ...new Set([...page.matchAll(pattern)].map(match => match[1]!)),
];

it('docs/runbook.md names only metrics that exist', async () => {
  const metrics = new Metrics();
  metrics.observe({
    series: GLOBAL_SERIES,
    lastKnown: () => undefined,
    leads: () => false,
    etcdConnected: () => false,
    pendingRequests: () => 0,
    ledger: () => ({
      state: 'ok',
      detail: '',
      position: 0,
      lagBatches: 0,
      lagSeconds: 0,
      unprojectedBytes: 0,
      fullness: 0,
      projector: null,
    }),
    projects: () => false,
    setBack: () => false,
    eventLoopDelayMaxMs: () => 0,
  });
  observePatrol(metrics.registry, GLOBAL_SERIES, () => undefined);
  const events = new EventMetrics(
    metrics.registry,
    () => [],
    () => 0,
  );
  expect(events).toBeDefined();
  const known = new Set((await metrics.registry.getMetricsAsJSON()).map(({ name }) => name));
  const named = namesOf(/\b(seqd_[a-z_]+)/g).map(name => name.replace(/_bucket$/, ''));
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(name => !known.has(name))).toEqual([]);
});

it('docs/runbook.md names only settings that exist', () => {
  const named = namesOf(/`((?:sequence|node|server|logging)\.[a-z.-]+)`/g);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(name => !leafByPath.has(name))).toEqual([]);
});

it('docs/runbook.md speaks of every error that a person has to do something about', () => {
  const errors = ['unavailable', 'storage_full', 'overloaded', 'outcome_unknown', 'draining'];
  for (const code of [...errors, 'unsupported_format', 'invariant_violated', 'allocation_id_required']) {
    expect(ERROR_CODES).toHaveProperty(code);
    expect(page).toContain(`\`${code}\``);
  }
});

it('docs/runbook.md names only commands that exist', async () => {
  const { stdout } = await run(['--help']);
  const named = namesOf(/npx seqd ([a-z]+)/g);
  expect(named.length).toBeGreaterThan(3);
  for (const name of named) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
});

it('links in docs/runbook.md lead to its own headings', () => {
  const titles = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!.toLowerCase());
  const anchors = new Set(titles.map(title => title.replaceAll(/[^a-z0-9 -]/g, '').replaceAll(' ', '-')));
  expect(namesOf(/\]\(#([^)]+)\)/g).filter(anchor => !anchors.has(anchor))).toEqual([]);
});
