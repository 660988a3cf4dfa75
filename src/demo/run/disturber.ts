import type { DisturbAction, DisturbTarget } from '../host/messages.ts';
import { DisturbanceRefused } from '../host/supervisor-link.ts';

/** Carries out a disturbance. @throws DisturbanceRefused when nothing was done, else it may have been */
export type Disturb = (action: DisturbAction, target: DisturbTarget) => Promise<void>;

/** What undoes an action; a killed process is started again by the supervisor. */
const UNDO: Readonly<Partial<Record<DisturbAction, DisturbAction>>> = { pause: 'resume', stop: 'start' };

/** Breaks things, and knows what has to be put back. */
export class Disturber {
  private readonly disturb: Disturb;
  private readonly toUndo = new Map<string, { action: DisturbAction; target: DisturbTarget }>();
  private readonly touchedNames = new Set<string>();

  constructor(disturb: Disturb) {
    this.disturb = disturb;
  }

  /** Names of all that was ever disturbed. */
  get touched(): ReadonlySet<string> {
    return this.touchedNames;
  }

  /** Ends it as a crash would; it is started again by itself. */
  kill(target: DisturbTarget): Promise<void> {
    return this.break('kill', target);
  }

  pause(target: DisturbTarget): Promise<void> {
    return this.break('pause', target);
  }

  stop(target: DisturbTarget): Promise<void> {
    return this.break('stop', target);
  }

  /** Lets a paused one go on, or starts a stopped one. */
  async undo({ name }: DisturbTarget): Promise<void> {
    const undo = this.toUndo.get(name);
    if (undo === undefined) return;
    await this.disturb(undo.action, undo.target);
    this.toUndo.delete(name);
  }

  /** Undoes everything that is still to be undone. @returns what could not be, one sentence each */
  async restore(): Promise<string[]> {
    const problems: string[] = [];
    await Promise.all(
      Array.from(this.toUndo.values(), ({ target }) =>
        this.undo(target).catch((error: unknown) => problems.push(messageOf(error))),
      ),
    );
    return problems;
  }

  private async break(action: DisturbAction, target: DisturbTarget): Promise<void> {
    const undo = UNDO[action];
    // Before it is asked for: if no answer comes it may have been done all the same.
    if (undo !== undefined) this.toUndo.set(target.name, { action: undo, target });
    this.touchedNames.add(target.name);
    try {
      await this.disturb(action, target);
    } catch (error) {
      if (error instanceof DisturbanceRefused) this.toUndo.delete(target.name);
      throw error;
    }
  }
}

/** What went wrong, for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
