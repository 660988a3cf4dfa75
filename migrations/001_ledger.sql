-- Up Migration

-- The permanent record (DESIGN §7): the exact text of every batch, which carries the hash of the one before, and beside it the same
-- facts in columns, to be searched. The texts prove; the columns answer.

CREATE TABLE series (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cluster text NOT NULL,
  tenant text NOT NULL,
  series text NOT NULL,
  period text NOT NULL,
  -- How far the journal has been written here: moved in the transaction that writes the batches.
  sequence bigint NOT NULL DEFAULT 0,
  chain text NOT NULL DEFAULT repeat('0', 64),
  next bigint NOT NULL DEFAULT 0,
  -- The epoch of the projector that wrote last; one of an earlier epoch writes no more.
  epoch bigint NOT NULL DEFAULT 0,
  projected_at timestamptz,
  UNIQUE (cluster, tenant, series, period)
);

CREATE TABLE owners (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  site text NOT NULL,
  partition text NOT NULL,
  type text NOT NULL,
  UNIQUE (site, partition, type)
);

-- One row a batch. Partitioned by month of `time`, which never falls from one batch to the next.
CREATE TABLE batches (
  series_id integer NOT NULL REFERENCES series,
  sequence bigint NOT NULL,
  time timestamptz NOT NULL,
  -- etcd's revision of the commit.
  revision bigint NOT NULL,
  -- The node process that committed it.
  node text NOT NULL,
  -- The counter before the batch.
  next bigint NOT NULL,
  -- SHA-256 of `body`, lower-case hex; the next batch's `body` names it.
  chain text NOT NULL,
  facts integer NOT NULL,
  -- The journal entry as it was committed, byte by byte.
  body text NOT NULL,
  PRIMARY KEY (series_id, sequence, time)
) PARTITION BY RANGE (time);

-- Facts as ranges of numbers, never a row a number. A run of consecutive one-number draws of one owner is one row with `facts` > 1:
-- its fact `index + i` is about the number `first + i`.
CREATE TABLE facts (
  series_id integer NOT NULL,
  sequence bigint NOT NULL,
  index integer NOT NULL,
  -- A fact about several ranges has a row for each.
  part integer NOT NULL,
  time timestamptz NOT NULL,
  kind text NOT NULL,
  facts integer NOT NULL,
  -- First and last number, inclusive. Rows with `fresh` never overlap, nor do those of kind `adopt`; all others are at most 1024
  -- numbers long: that bounds a search by number.
  first bigint NOT NULL,
  last bigint NOT NULL,
  -- Drawn from the counter, or passed by raising it.
  fresh boolean NOT NULL,
  owner_id integer REFERENCES owners,
  -- Where given back numbers and the gaps of imports went: pool or void.
  target text,
  -- The allocation or reservation that a later fact is about.
  allocation_sequence bigint,
  allocation_index integer,
  deadline timestamptz,
  client text,
  trace text,
  reference text,
  key text,
  reason text,
  actor text,
  PRIMARY KEY (series_id, sequence, index, part, time)
) PARTITION BY RANGE (time);

CREATE INDEX facts_fresh_number ON facts (series_id, last) WHERE fresh;
CREATE INDEX facts_gap_number ON facts (series_id, last) WHERE kind = 'adopt';
CREATE INDEX facts_other_number ON facts (series_id, last) WHERE NOT fresh AND kind <> 'adopt';
CREATE INDEX facts_time ON facts (series_id, time);
CREATE INDEX facts_owner ON facts (series_id, owner_id, time);
CREATE INDEX facts_reference ON facts (series_id, reference) WHERE reference IS NOT NULL;
CREATE INDEX facts_key ON facts (series_id, key) WHERE key IS NOT NULL;

-- Down Migration

DROP TABLE facts;
DROP TABLE batches;
DROP TABLE owners;
DROP TABLE series;
