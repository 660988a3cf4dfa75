/** How long after an answer somebody who came by way of another node is still expected back. */
const RETURN_MS = 4;

/**
 * Decides how long requests wait for those of other nodes.
 *
 * Requests that other nodes forward come back some milliseconds after they were answered, one node's after the other's, not within
 * turns of the event loop as those of our own clients do ({@link Gathering}). If every node's requests left by themselves, as many
 * commits would be made as there are nodes, each the price of one (ADR 011). So after a batch with forwarded requests was answered,
 * the next one is given until {@link RETURN_MS} after that answer to become complete: until as many are unanswered as there
 * lately were. Who comes later than that waits for nobody, and nobody waits who has no company to expect.
 */
export class Company {
  /** As many as were unanswered at once, since so many were last expected in vain. */
  private crowd = 0;
  private expectedUntilMs = Number.NEGATIVE_INFINITY;
  private waited = false;

  /** A request has come; so many are unanswered now. */
  joined(unanswered: number): void {
    this.crowd = Math.max(this.crowd, unanswered);
  }

  /** A batch was answered, and whether other nodes had forwarded some of it. */
  answered(nowMs: number, forwarded: boolean): void {
    this.expectedUntilMs = forwarded ? nowMs + RETURN_MS : Number.NEGATIVE_INFINITY;
  }

  /** For how many milliseconds it pays to wait for more to come; 0 when those that wait had better leave. */
  worthMs(nowMs: number, unanswered: number): number {
    const left = unanswered < this.crowd ? this.expectedUntilMs - nowMs : 0;
    if (left > 0) {
      this.waited = true;
      return left;
    }
    // Some of the crowd have gone for good.
    if (this.waited) this.crowd = unanswered;
    this.waited = false;
    return 0;
  }
}
