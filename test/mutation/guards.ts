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
    find: 'if (journal?.value === ours)',
    replace: 'if (false)',
    killedBy: simulation('commit-outcomes', 'the late original is recognised as ours'),
  },
  {
    guard: "somebody else's entry in the journal does not",
    file: 'src/sequencer/resolve-commit.ts',
    find: 'if (journal?.value === ours)',
    replace: 'if (journal)',
    killedBy: simulation('commit-outcomes', 'when the first loses to another node'),
  },
  {
    guard: 'a refusal after an unknown attempt settles nothing',
    file: 'src/sequencer/resolve-commit.ts',
    find: 'return uncertain && !outcome.final ? undefined : outcome;',
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
    file: 'src/sequencer/forwarder.ts',
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
    find: 'if (outcome.deposed) this.events.deposed();\n        this.giveBack(dropped);',
    replace: 'if (outcome.deposed) this.events.deposed();\n        this.giveBack(dropped.slice(0, 1));',
    killedBy: simulation('commit-outcomes', 'when the first loses to another node'),
  },
  {
    guard: 'what may have taken effect is never called unavailable',
    file: 'src/sequencer/pending.ts',
    find: 'return pending.underWay || pending.doubtful;',
    replace: 'return false;',
    killedBy: simulation('requests', 'with a stuck store what was sent is unknown'),
  },
  {
    guard: 'the queue has a maximum',
    file: 'src/sequencer/series-sequencer.ts',
    find: 'if (this.unanswered.size >= this.deps.limits.queueMax) {',
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
    file: 'src/sequencer/forwarder.ts',
    find: 'isBornTooEarly(outcome) && !pending.doubtful',
    replace: 'false',
    killedBy: simulation('leadership', 'a follower that was idle for long'),
  },
  {
    guard: 'what may have applied and can no longer be told is not made a second time',
    file: 'src/sequencer/resolve-commit.ts',
    find: 'uncertain && journal === null && head !== null && hasComeTo(sequence, head)',
    replace: 'false',
    killedBy: simulation('pruned-journal', 'is unknown for good'),
  },
  {
    guard: 'commits behind one that may have applied may have applied too',
    file: 'src/sequencer/commit-lane.ts',
    find: 'const doubtful = dropped.filter(flight => flight.plan !== null);',
    replace: 'const doubtful = [front!];',
    killedBy: simulation('pruned-journal', 'those behind it in the pipeline'),
  },
  {
    guard: 'a hand-over to a lease that is gone is over, whatever was unknown before',
    file: 'src/sequencer/resolve-commit.ts',
    find: 'uncertain && !outcome.final ?',
    replace: 'uncertain ?',
    killedBy: simulation('leadership', 'after an attempt without an answer'),
  },
  {
    guard: 'a batch refused for its hand-over is sent again without',
    file: 'src/sequencer/commit-lane.ts',
    find: 'front!.commit?.transfer === undefined',
    replace: 'true',
    killedBy: simulation('leadership', 'goes on leading when its successor is gone'),
  },
  {
    guard: 'the current state is never older than the question',
    file: 'src/sequencer/commit-lane.ts',
    find: 'while (!(await this.hasReached(record?.value ?? null, known)))',
    replace: 'if (!(await this.hasReached(record?.value ?? null, known)))',
    killedBy: simulation('requests', 'none gets a state older than its question'),
  },
  {
    guard: 'a claimed allocation must be older than the journal',
    file: 'src/sequencer/owner-questions.ts',
    find: 'if (await this.owners.isKept(allocation.sequence)) {',
    replace: 'if (false) {',
    killedBy: simulation('pruned-journal', 'is refused when the journal'),
  },
  {
    guard: 'nobody can claim what no tally says was drawn',
    file: 'src/core/decide.ts',
    find: 'if (freshOwner.claimed && (view.tally(ownerKey(freshOwner.owner))?.issued ?? 0) === 0)',
    replace: 'if (false)',
    killedBy: simulation('pruned-journal', 'is refused when the journal'),
  },
  {
    guard: 'few look-ups run at once',
    file: 'src/sequencer/owner-questions.ts',
    find: 'while (this.underWay < LOOKUPS_MAX) {',
    replace: 'for (;;) {',
    killedBy: simulation('requests', 'few look up at once'),
  },
  {
    guard: 'a batch carries the time of the cluster, not that of one node',
    file: 'src/sequencer/commit-lane.ts',
    find: 'now: deps.coordination.timeMs(),',
    replace: 'now: deps.clock.now(),',
    killedBy: simulation('clock', 'commits on its own: keys given before are replayed'),
  },
  {
    guard: 'a clock far ahead is held back',
    file: 'src/cluster/cluster-time.ts',
    find: 'Math.min(ceilingMs, wallMs)',
    replace: 'wallMs',
    killedBy: simulation('clock', 'becomes leader: reservations made before'),
  },
  {
    guard: 'a clock far behind is not waited for',
    file: 'src/cluster/cluster-time.ts',
    find: 'Math.max(floorMs, Math.min(ceilingMs, wallMs))',
    replace: 'Math.min(ceilingMs, wallMs)',
    killedBy: simulation('clock', 'makes nothing of its own of the first batch'),
  },
  {
    guard: 'the clock in the middle counts, not the one furthest ahead',
    file: 'src/cluster/cluster-time.ts',
    find: 'sorted[Math.floor((sorted.length - 1) / 2)]',
    replace: 'sorted.at(-1)',
    killedBy: simulation('clock', 'becomes leader, and another after it'),
  },
  {
    guard: 'the clock in the middle counts, not the one furthest behind',
    file: 'src/cluster/cluster-time.ts',
    find: 'sorted[Math.floor((sorted.length - 1) / 2)]',
    replace: 'sorted[0]',
    killedBy: simulation('clock', 'becomes leader, and another after it'),
  },
  {
    guard: 'between campaigns that fail there is a pause',
    file: 'src/sequencer/series-sequencer.ts',
    find: 'if (!won) await sleep(CAMPAIGN_PAUSE_MS);',
    replace: '',
    killedBy: simulation('campaigns', 'does not spin'),
  },
  {
    guard: 'what breaks while planning stops the series, not the process',
    file: 'src/sequencer/commit-lane.ts',
    find: "new SeqdError('invariant_violated', 'The stored state contradicts itself', { cause: error })",
    replace: "new SeqdError('internal')",
    killedBy: simulation('broken-state', 'a contradiction found while planning'),
  },
];
