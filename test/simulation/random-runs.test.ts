import { expect, test } from 'vitest';
import { simulate } from '../kit/sim/simulation.ts';

const RUNS = Number(process.env['SEQD_SIM_RUNS'] ?? 20);
const SEED = process.env['SEQD_SIM_SEED'];
test('x', async () => {
  const bad: Record<string, number[]> = {};
  const t0 = performance.now();
  const seeds = SEED ? [Number(SEED)] : Array.from({ length: RUNS }, (_, i) => i + 1);
  let nbad = 0;
  for (const seed of seeds) {
    const r = await simulate(seed).catch(e => ({ problems: [String(e.stack)], seed }) as any);
    if (SEED) console.log(JSON.stringify(r, null, 1));
    if (r.problems.length) nbad++;
    for (const p of new Set<string>(r.problems.map((p: string) => p.replace(/\d+/g, '#').slice(0, 160)))) (bad[p] ??= []).push(seed);
  }
  console.log(nbad, 'bad of', seeds.length, (performance.now() - t0) / seeds.length, 'ms per seed', Object.entries(bad).sort((a, b) => b[1].length - a[1].length).map(([k, v]) => `${v.length}x ${k}  [${v.slice(0, 5)}]`).join('\n'));
}, 600000);
