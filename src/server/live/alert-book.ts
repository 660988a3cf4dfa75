import type { ClusterEvent, LiveAlert } from './live-protocol.ts';

/** Something wrong, as found in one look. */
export type AlertFinding = Omit<LiveAlert, 'since'> & {
  /** It must be found for so long before anybody is told. */
  readonly afterMs?: number;
};

/** Forgotten only when it was not found for so long, so that what comes and goes is one alert. */
const CLEAR_MS = 2_000;
const LEVELS = ['critical', 'warning', 'info'] as const;

interface Entry {
  finding: AlertFinding;
  /** When it was found first, and last. */
  readonly since: number;
  found: number;
  raised: boolean;
}

/** Remembers since when what is wrong. */
export class AlertBook {
  private readonly entries = new Map<string, Entry>();

  /** Takes in what a look has found; gives all alerts, worst first, and what is new about them. */
  update(findings: readonly AlertFinding[], at: number): { current: LiveAlert[]; events: ClusterEvent[] } {
    const events: ClusterEvent[] = [];
    for (const finding of findings) {
      const entry = this.entries.get(finding.id);
      if (entry === undefined) {
        this.entries.set(finding.id, { finding, since: at, found: at, raised: false });
      } else {
        entry.finding = finding;
        entry.found = at;
      }
    }
    for (const [id, entry] of this.entries) {
      const { finding, since, found } = entry;
      if (!entry.raised && found === at && at - since >= (finding.afterMs ?? 0)) {
        entry.raised = true;
        events.push(eventOf('raised', entry, at));
      }
      if (at - found < (entry.raised ? CLEAR_MS : 1)) continue;
      this.entries.delete(id);
      if (entry.raised) events.push(eventOf('cleared', entry, at));
    }
    const current = [...this.entries.values()].filter(({ raised }) => raised).map(toAlert);
    return { current: current.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level)), events };
  }
}

function toAlert({ finding, since }: Entry): LiveAlert {
  const { id, level, title, detail, runbook } = finding;
  return { id, level, title, detail, since, ...(runbook === undefined ? {} : { runbook }) };
}

function eventOf(what: 'raised' | 'cleared', { finding, since }: Entry, at: number): ClusterEvent {
  const { id, title, detail } = finding;
  return {
    id: `alert-${what}:${id}:${since}`,
    category: 'cluster',
    at,
    kind: `alert:${what}`,
    text: what === 'raised' ? `${title}: ${detail}` : `over: ${title}`,
    mark: false,
  };
}
