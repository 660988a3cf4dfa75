import type { SeqdError } from '../core/errors.ts';
import type { ForwardOutcome } from '../ports/peers.ts';
import type { Answer, Asker } from './pending.ts';

/** Gathers what becomes of the requests of one forward: one promise for all of them. */
export class ForwardAsker implements Asker {
  readonly budgetMs: number;
  /** One for each request, in order; resolves when the last is known. Never rejects. */
  readonly outcomes: Promise<readonly ForwardOutcome[]>;
  private readonly known: ForwardOutcome[];
  private missing: number;
  private complete!: (outcomes: readonly ForwardOutcome[]) => void;

  constructor(requests: number, budgetMs: number) {
    this.budgetMs = budgetMs;
    this.known = Array.from({ length: requests });
    this.missing = requests;
    this.outcomes = new Promise(resolve => (this.complete = resolve));
    if (requests === 0) this.complete(this.known);
  }

  answered(place: number, { record, replayed }: Answer): void {
    this.know(place, { status: 'done', record, replayed });
  }

  refused(place: number, { code, message, details }: SeqdError): void {
    this.know(place, { status: 'failed', code, detail: message, details });
  }

  private know(place: number, outcome: ForwardOutcome): void {
    this.known[place] = outcome;
    this.missing -= 1;
    if (this.missing === 0) this.complete(this.known);
  }
}
