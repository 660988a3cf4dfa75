/**
 * Decides how long requests wait for company before they leave together.
 *
 * A commit costs about the same for one request as for five hundred, and commits are what there is least of. Those
 * who were just answered tend to come back at once; when the next batch leaves before them, two half batches alternate
 * from then on, at twice the cost (ADR 010). They come within a few turns of the event loop, so it is waited turn by turn, as long
 * as each brings more of them. There is no timer: when nobody comes, a turn is all that is lost.
 */
export class Gathering {
  /** How many were answered together last. */
  private answeredTogether = 0;
  /** Answers have left since the last look, and nobody can have come back because of them yet. */
  private justAnswered = false;
  private seen = 0;

  /** So many were answered together. */
  answered(count: number): void {
    this.answeredTogether = count;
    this.justAnswered = true;
  }

  /**
   * Asked once a turn, with the number of requests that wait: whether it pays to look again after the next turn. Says so
   * only as long as fewer wait than were answered together last, and more than a turn before.
   */
  paysToWait(waiting: number): boolean {
    const more = waiting > this.seen || this.justAnswered;
    this.justAnswered = false;
    this.seen = waiting;
    return more && waiting > 0 && waiting < this.answeredTogether;
  }

  /** Requests have left; from now on others are counted. */
  left(): void {
    this.seen = 0;
  }
}
