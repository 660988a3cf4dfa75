import type { WebSocket } from 'ws';
import type { DemoRun } from '../demo-run.ts';
import { Throttle } from '../run/throttle.ts';

/** At most ten a second. */
const INTERVAL_MS = 100;

/**
 * Sends the current run to all who want to see it, whenever it has changed. One frame is under way to a viewer at a time: a slow one
 * misses states in between, never the last.
 */
export class RunPushes {
  private readonly latest: () => DemoRun | null;
  private readonly throttle = new Throttle(INTERVAL_MS, () => this.push());
  private readonly viewers = new Map<WebSocket, { sending: boolean; behind: boolean }>();

  constructor(latest: () => DemoRun | null) {
    this.latest = latest;
  }

  /** Sends the state of now, and each change from now on. */
  add(viewer: WebSocket): void {
    this.viewers.set(viewer, { sending: false, behind: false });
    viewer.on('error', () => viewer.terminate());
    viewer.on('close', () => this.viewers.delete(viewer));
    this.send(viewer, this.text());
  }

  /** The run has changed. */
  changed(): void {
    this.throttle.request();
  }

  private push(): void {
    if (this.viewers.size === 0) return;
    const text = this.text();
    for (const viewer of this.viewers.keys()) this.send(viewer, text);
  }

  private send(viewer: WebSocket, text: string): void {
    const state = this.viewers.get(viewer);
    if (state === undefined) return;
    if (state.sending) {
      state.behind = true;
      return;
    }
    state.sending = true;
    state.behind = false;
    viewer.send(text, () => {
      state.sending = false;
      if (state.behind) this.send(viewer, this.text());
    });
  }

  private text(): string {
    return JSON.stringify(this.latest());
  }
}
