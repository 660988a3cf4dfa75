-- Up Migration

-- Other systems that are told of every fact (docs/events.md).
CREATE TABLE event_sinks (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cluster text NOT NULL,
  name text NOT NULL,
  -- The node that delivers to it, until when by this server's clock, and which holder in a row it is.
  holder text,
  held_until timestamptz NOT NULL DEFAULT '-infinity',
  epoch bigint NOT NULL DEFAULT 0,
  -- Why the last attempt came to nothing; null when it did not.
  problem text,
  UNIQUE (cluster, name)
);

-- How far a sink has got in a series: the next fact it is to be told of. Without a row: the first.
CREATE TABLE event_positions (
  sink_id integer NOT NULL REFERENCES event_sinks,
  series_id integer NOT NULL REFERENCES series,
  sequence bigint NOT NULL,
  index integer NOT NULL,
  -- No later than that batch's time: spares a search through older partitions.
  since timestamptz NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (sink_id, series_id)
);

-- Facts that a sink would not take. What they say is in `batches`.
CREATE TABLE event_dead_letters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sink_id integer NOT NULL REFERENCES event_sinks,
  series_id integer NOT NULL REFERENCES series,
  sequence bigint NOT NULL,
  index integer NOT NULL,
  -- The batch's.
  time timestamptz NOT NULL,
  kind text NOT NULL,
  reason text NOT NULL,
  attempts integer NOT NULL,
  died_at timestamptz NOT NULL DEFAULT now(),
  -- Set to have it delivered again.
  requested_at timestamptz,
  UNIQUE (sink_id, series_id, sequence, index)
);

CREATE INDEX event_dead_letters_requested ON event_dead_letters (sink_id, id) WHERE requested_at IS NOT NULL;

-- Down Migration

DROP TABLE event_dead_letters;
DROP TABLE event_positions;
DROP TABLE event_sinks;
