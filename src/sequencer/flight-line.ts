import { type Flight, isResultOf } from './flight.ts';

/** What is under way, in the order in which it must commit. Whoever leaves does so from the front, all at once, or without a commit. */
export class FlightLine {
  private flights: readonly Flight[] = [];
  private waiters: (() => void)[] = [];

  get length(): number {
    return this.flights.length;
  }

  get front(): Flight | undefined {
    return this.flights[0];
  }

  get newest(): Flight | undefined {
    return this.flights.at(-1);
  }

  /** The first that changes something. */
  get frontPlan(): Flight['plan'] {
    return this.flights.find(({ plan }) => plan !== null)?.plan ?? null;
  }

  /** The heads that the commits expect, front to end. */
  get expectedHeads(): (string | null)[] {
    return this.flights.filter(({ plan }) => plan !== null).map(({ expectedHead }) => expectedHead);
  }

  has(flight: Flight): boolean {
    return this.flights.includes(flight);
  }

  join(flight: Flight): void {
    this.flights = [...this.flights, flight];
  }

  /** Takes one out; those behind it stay. */
  leave(flight: Flight): void {
    this.flights = this.flights.filter(other => other !== flight);
  }

  /** Takes all out, in their order. */
  clear(): readonly Flight[] {
    const { flights } = this;
    this.flights = [];
    return flights;
  }

  /** Aborts the commits of all, which stay: what becomes of them is not known. */
  abort(): void {
    for (const flight of this.flights) endFlight(flight);
  }

  /** Whether a stored head is the result of a commit that is still in here. */
  makes(headText: string | null): boolean {
    return this.flights.some(flight => isResultOf(flight, headText));
  }

  /** Resolves when it is at the front, or not in here any more. */
  async whenNext(flight: Flight): Promise<void> {
    while (this.has(flight) && this.front !== flight) await this.whenLanded();
  }

  /** Resolves when nothing is under way. */
  async whenEmpty(): Promise<void> {
    while (this.length > 0) await this.whenLanded();
  }

  /** The next {@link landed}. */
  whenLanded(): Promise<void> {
    return new Promise(resolve => this.waiters.push(resolve));
  }

  /** Something has left. */
  landed(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const wake of waiters) wake();
  }
}

/** Its commit is not sent again. */
export function endFlight({ abort, slot }: Flight): void {
  abort.abort();
  slot.release();
}
