/** One guard of the engine, what takes it out, and the tests that must notice. */
export interface Guard {
  /** The claim that no longer holds without it. */
  readonly guard: string;
  readonly file: string;
  /** Must occur exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** A test file and the full or partial name of tests in it; at least one of them must fail. */
  readonly killedBy: {
    readonly project: 'unit' | 'simulation';
    readonly file: string;
    readonly name: string;
  };
  /** How it fails when a second guard of the code itself stops the run before an assertion can. */
  readonly failsWith?: RegExp;
}

const simulation = (file: string, name: string): Guard['killedBy'] => ({
  project: 'simulation',
  file: `test/simulation/${file}.test.ts`,
  name,
});
const model = (name: string): Guard['killedBy'] => ({
  project: 'unit',
  file: 'test/unit/core/model.test.ts',
  name,
});

/** Guards by which G1 to G5 stand or fall. */
export const GUARDS: readonly Guard[] = [
  {
    guard: 'an unknown outcome is not a failure',
    file: 'src/sequencer/resolve-commit.ts',
    find: "    case 'unknown':\n      return undefined;",
    replace: "    case 'unknown':\n      return { status: 'conflict', head: null, deposed: false };",
    killedBy: simulation('commit-outcomes', 'within its budget the request gets its number, once'),
  },
  {
    guard: 'our own entry in the journal means that we had committed',
    file: 'src/sequencer/resolve-commit.ts',
    find: 'if (outcome.journal?.value === ours)',
    replace: 'if (false)',
    killedBy: simulation('commit-outcomes', 'the late original is recognised as ours'),
  },
  {
    guard: "somebody else's entry in the journal does not",
    file: 'src/sequencer/resolve-commit.ts',
    find: 'if (outcome.journal?.value === ours)',
    replace: 'if (outcome.journal)',
    killedBy: simulation('commit-outcomes', 'when the first loses to another node'),
  },
  {
    guard: 'a refusal after an unknown attempt settles nothing',
    file: 'src/sequencer/resolve-commit.ts',
    find: 'return uncertain ? undefined : outcome;',
    replace: 'return outcome;',
    killedBy: simulation('commit-outcomes', 'a refusal is believed only when no earlier attempt'),
  },
  {
    guard: 'a commit applies only to the head it expects',
    file: 'src/store/memory/memory-store.ts',
    find: '(head?.value ?? null) !== commit.expectedHead || deposed',
    replace: 'deposed',
    killedBy: simulation('leadership', 'nobody can become leader: every node goes on committing'),
  },
  {
    guard: 'a leader puts its leadership into its commits',
    file: 'src/sequencer/commit-lane.ts',
    find: '{ leadership, ...this.transfer() }',
    replace: '{ ...this.transfer() }',
    killedBy: simulation('leadership', 'a deposed leader commits nothing'),
  },
  {
    guard: 'a number that was reissued belongs to its new allocation',
    file: 'src/core/decide.ts',
    find: "if (status === 'reissued') {",
    replace: 'if (false) {',
    killedBy: simulation('requests', 'F6'),
  },
  {
    guard: 'a stale allocationId returns nothing',
    file: 'src/core/decide.ts',
    find: 'if (command.allocation !== undefined && !samePosition(command.allocation, allocation)) {',
    replace: 'if (false) {',
    killedBy: simulation('requests', 'F6'),
  },
  {
    guard: 'a number is released once',
    file: 'src/core/decide.ts',
    find: "if (status === 'pooled' || status === 'void') return returnedAlready(number, status);",
    replace: '',
    killedBy: simulation('requests', 'a number cannot be released twice'),
  },
  {
    guard: 'a key stands for one payload',
    file: 'src/core/decide.ts',
    find: 'if (record.fact.fingerprint === fingerprint)',
    replace: 'if (record)',
    killedBy: simulation('requests', 'F3'),
  },
  {
    guard: 'a key is remembered within a batch and across those under way',
    file: 'src/core/draft.ts',
    find: 'return this.keys.get(key) ?? this.base.byKey(key);',
    replace: 'return this.base.byKey(key);',
    killedBy: simulation('requests', 'F4: the same key from fifty callers'),
  },
  {
    guard: 'a forwarded request carries an id',
    file: 'src/sequencer/series-sequencer.ts',
    find: 'if (pending.request.origin.ingress === undefined) {',
    replace: 'if (false) {',
    killedBy: simulation('leadership', 'the reply is lost and the follower commits itself'),
  },
  {
    guard: 'a forwarded request that comes again gets its first answer',
    file: 'src/core/decide.ts',
    find: "if (record !== undefined) return { status: 'done', record, replayed: false };",
    replace: '',
    killedBy: simulation('leadership', 'the reply is lost and the follower commits itself'),
  },
  {
    guard: 'a forwarded request older than the memory is refused',
    file: 'src/core/decide.ts',
    find: '(request.ingressSince ?? 0) >= view.ingressFloor',
    replace: 'true',
    killedBy: simulation('leadership', 'a message that arrives when its id is no longer remembered'),
  },
  {
    guard: 'a reservation that expired is gone',
    file: 'src/core/state.ts',
    find: 'if (reservation === null) this.held.delete(id);',
    replace: 'if (reservation === null) void id;',
    killedBy: simulation('leadership', 'after the expiry it is refused'),
  },
  {
    guard: 'a reservation stands until its deadline',
    file: 'src/core/decide.ts',
    find: 'if (reservation === undefined || reservation.deadline > now)',
    replace: 'if (reservation === undefined)',
    killedBy: model('with reuse lowest-first'),
  },
  {
    guard: 'a refusal is checked against the newest state before it goes out',
    file: 'src/sequencer/commit-lane.ts',
    find: "flight.outcomes.some(outcome => outcome.status === 'rejected')",
    replace: 'false',
    killedBy: simulation('commit-outcomes', 'a refusal speaks of the newest state'),
  },
  {
    guard: 'a commit that overtook its predecessor is sent again',
    file: 'src/sequencer/commit-lane.ts',
    find: "outcome.status === 'conflict' && flight.earlierHeads.includes(outcome.head)",
    replace: 'false',
    killedBy: simulation('commit-outcomes', 'successors that overtake their predecessors'),
  },
  {
    guard: 'successors of a lost commit are given back, not lost',
    file: 'src/sequencer/commit-lane.ts',
    find: 'this.giveBack(dropped);',
    replace: 'this.giveBack(dropped.slice(0, 1));',
    killedBy: simulation('commit-outcomes', 'when the first loses to another node'),
  },
  {
    guard: 'what may have taken effect is never called unavailable',
    file: 'src/sequencer/series-sequencer.ts',
    find: 'return pending.underWay || pending.doubtful;',
    replace: 'return false;',
    killedBy: simulation('requests', 'with a stuck store what was sent is unknown'),
  },
  {
    guard: 'the queue has a maximum',
    file: 'src/sequencer/series-sequencer.ts',
    find: 'if (this.queue.length >= this.deps.limits.queueMax) {',
    replace: 'if (false) {',
    killedBy: simulation('requests', 'requests past queueMax are refused'),
  },
  {
    guard: 'an attempt before the overtaking may still be on its way',
    file: 'src/sequencer/commit-lane.ts',
    find: 'uncertain: true',
    replace: 'uncertain: false',
    killedBy: simulation('commit-outcomes', 'nor is it when the commit overtook its predecessor in between'),
  },
  {
    guard: 'no two batches are the same, so a dropped one can never fit again',
    file: 'src/sequencer/commit-lane.ts',
    find: 'serial: (this.serial += 1)',
    replace: 'serial: 1',
    killedBy: simulation('commit-outcomes', 'a batch planned anew never makes the head'),
  },
  {
    guard: 'commits behind a refusal do not fall with it',
    file: 'src/sequencer/commit-lane.ts',
    find: 'this.flights = this.flights.filter(other => other !== flight);',
    replace:
      'const behind = this.flights.filter(other => other !== flight); this.flights = []; this.giveBack(behind);',
    killedBy: simulation('commit-outcomes', 'does not undo the commit behind it'),
  },
  {
    guard: 'no refusal of what was forwarded without an answer is final',
    file: 'src/sequencer/series-sequencer.ts',
    find: "pending.reject(pending.doubtful ? new SeqdError('outcome_unknown', undefined, { cause: error }) : error);",
    replace: 'pending.reject(error);',
    killedBy: simulation('leadership', 'after a lost forward'),
  },
  {
    guard: 'a forwarded request goes one hop',
    file: 'src/sequencer/series-sequencer.ts',
    find: 'this.declineForwarded(pendings);',
    replace: '',
    killedBy: simulation('leadership', 'is not forwarded further'),
  },
  {
    guard: 'a request that was never sent before is not taken for an old one',
    file: 'src/sequencer/series-sequencer.ts',
    find: 'isBornTooEarly(outcome) && !pending.doubtful',
    replace: 'false',
    killedBy: simulation('leadership', 'a follower that was idle for long'),
  },
];
