-- Up Migration

-- Batches that a ledger has not and will never have, which somebody has accepted ("seqd recover --accept-hole"), or that were
-- pruned before there was a ledger. A verification names them and is content; any other gap is a finding.
CREATE TABLE ledger_holes (
  series_id integer NOT NULL REFERENCES series,
  -- Sequences, inclusive.
  first bigint NOT NULL,
  last bigint NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  documented_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (series_id, first)
);

-- Recoveries after which a series goes on from a batch in another way than before: the events of batches after it have ids of
-- their own (docs/events.md).
CREATE TABLE ledger_branches (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  series_id integer NOT NULL REFERENCES series,
  -- The last batch that was not lost.
  after bigint NOT NULL,
  -- What the ids end in.
  name text NOT NULL,
  -- Where the lost history is kept, of which no events are sent; null when there is none.
  lost_id integer REFERENCES series
);

CREATE INDEX ledger_branches_series ON ledger_branches (series_id, after);
CREATE UNIQUE INDEX ledger_branches_lost ON ledger_branches (lost_id);

-- Down Migration

DROP TABLE ledger_branches;
DROP TABLE ledger_holes;
