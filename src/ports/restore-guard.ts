import type { SeqdError } from '../core/errors.ts';

/** How it stands with a series' restore guard; `off` where there is nothing to compare etcd with. */
export type RestoreGuardState = 'off' | 'unchecked' | 'verified' | 'unverified' | 'refusing';

/** Says whether a series may be served, or has been set back by a restore from a backup (DESIGN G8, F23). */
export interface RestoreGuardView {
  readonly state: RestoreGuardState;
  /** What is wrong, for people; empty when nothing is. */
  readonly detail: string;
}

/** What the engine asks before it takes a request, and before it sends one. */
export interface SeriesGuard {
  /** Why no request is taken, if so. */
  refusal(): SeqdError | undefined;
  /** Whether what was taken may be sent now; when not, it waits. */
  readonly isOpen: boolean;
  view(): RestoreGuardView;
  /** Told when {@link isOpen} or {@link refusal} may have changed. */
  onChange: () => void;
}
