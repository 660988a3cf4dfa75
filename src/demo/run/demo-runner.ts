import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { DemoCatalogue, DemoDescription, DemoRun } from '../demo-run.ts';
import type { HostCluster } from '../host/messages.ts';
import type { Demo } from './demo.ts';
import { DemoRefusal, REFUSALS } from './demo-refusal.ts';
import type { Disturb } from './disturber.ts';
import { executeRun } from './execute-run.ts';
import { parseParameters } from './parameters.ts';
import { RunRecord } from './run-record.ts';

/** Ended runs that are kept. */
const KEPT_MAX = 10;

/** What the runner works with. */
export interface DemoRunnerOptions {
  readonly demos: readonly Demo[];
  /** `undefined` until everything serves. */
  readonly cluster: () => HostCluster | undefined;
  readonly disturb: Disturb;
  /** Told of each change of a run. */
  readonly onChange: (run: RunRecord) => void;
}

/** Runs demonstrations, one at a time, and keeps the last ones. */
export class DemoRunner {
  private readonly options: DemoRunnerOptions;
  private current: { readonly record: RunRecord; readonly cancel: AbortController } | undefined;
  private readonly ended: RunRecord[] = [];

  constructor(options: DemoRunnerOptions) {
    this.options = options;
  }

  /** The run under way, else the last one. */
  get latest(): DemoRun | null {
    return (this.current?.record ?? this.ended[0])?.snapshot() ?? null;
  }

  /** @throws DemoRefusal while the cluster is not known */
  catalogue(): DemoCatalogue {
    const cluster = this.cluster();
    return {
      demos: this.options.demos.map(demo => describe(demo, cluster)),
      current: this.current?.record.snapshot() ?? null,
      last: this.ended.map(record => record.snapshot()),
    };
  }

  /**
   * Begins a run; returns at once.
   *
   * @throws DemoRefusal when there is no such demonstration, it cannot be run here, a parameter is not right, or another
   *   one is running
   */
  start(name: string, fields: Readonly<Record<string, unknown>>): DemoRun {
    const { demos, disturb, onChange } = this.options;
    const cluster = this.cluster();
    const demo = demos.find(one => one.name === name);
    if (demo === undefined) {
      const names = demos.map(one => one.name);
      throw new DemoRefusal(
        REFUSALS.notFound,
        `there is no demonstration "${name}"; there are ${names.join(', ')}`,
      );
    }
    const parameters = parseParameters(demo.parameters, fields);
    const obstacle = demo.obstacle(cluster);
    if (obstacle !== null) throw new DemoRefusal(REFUSALS.invalid, `${name} cannot be run here: ${obstacle}`);
    if (this.current !== undefined) {
      const { id, name: other } = this.current.record.facts;
      throw new DemoRefusal(REFUSALS.running, `"${other}" is running; only one can at a time`, {
        run: id,
        name: other,
      });
    }
    const { title, plan } = demo;
    const facts = { id: randomBytes(6).toString('hex'), name, title, plan, parameters };
    const record: RunRecord = new RunRecord(facts, () => onChange(record));
    const cancel = new AbortController();
    setMaxListeners(0, cancel.signal);
    this.current = { record, cancel };
    void executeRun(demo, { record, cluster, disturb, cancelled: cancel.signal }).finally(() => {
      this.current = undefined;
      this.ended.unshift(record);
      this.ended.length = Math.min(this.ended.length, KEPT_MAX);
    });
    return record.snapshot();
  }

  /** @throws DemoRefusal when there is none of that id (any more) */
  find(id: string): DemoRun {
    return this.record(id).snapshot();
  }

  /** Ends a run early; what it broke is put back and the series verified all the same. Of one that has ended, nothing. */
  cancel(id: string): DemoRun {
    const record = this.record(id);
    if (this.current?.record === record) this.current.cancel.abort(new Error('cancelled'));
    return record.snapshot();
  }

  private record(id: string): RunRecord {
    const records = this.current === undefined ? this.ended : [this.current.record, ...this.ended];
    const found = records.find(({ facts }) => facts.id === id);
    if (found === undefined) throw new DemoRefusal(REFUSALS.notFound, `there is no run "${id}" (any more)`);
    return found;
  }

  private cluster(): HostCluster {
    const cluster = this.options.cluster();
    if (cluster === undefined) throw new DemoRefusal(REFUSALS.notReady, 'the cluster is still being started');
    return cluster;
  }
}

function describe(demo: Demo, cluster: HostCluster): DemoDescription {
  const { name, title, plan, disturbs, seconds, parameters } = demo;
  return { name, title, plan, disturbs, seconds, parameters, unavailable: demo.obstacle(cluster) };
}
