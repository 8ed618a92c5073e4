-- What runs measure: streams of chunks, each written once and in order.

CREATE TABLE runs.data_chunk (
  org_id        uuid        NOT NULL,
  run_id        uuid        NOT NULL,
  stream        text        NOT NULL,
  seq           integer     NOT NULL CHECK (seq >= 0),
  names         text[]      NOT NULL,
  units         text[]      NOT NULL,
  points        integer     NOT NULL CHECK (points > 0),
  -- Doubles with the low byte first, column by column.
  content       bytea       NOT NULL,
  sha256        bytea       NOT NULL CHECK (octet_length(sha256) = 32),
  -- Of the stream up to here; the trigger writes both.
  stream_points bigint      NOT NULL,
  stream_sha256 bytea       NOT NULL,
  recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, run_id, stream, seq),
  FOREIGN KEY (org_id, run_id) REFERENCES runs.run (org_id, id),
  CONSTRAINT data_chunk_columns CHECK (cardinality(names) BETWEEN 1 AND 64 AND cardinality(units) = cardinality(names)),
  CONSTRAINT data_chunk_content CHECK (octet_length(content) = 8 * points * cardinality(names)
    AND points * cardinality(names) <= 100000)
);
-- Measured numbers hardly shrink: to try costs more than to write them.
ALTER TABLE runs.data_chunk ALTER COLUMN content SET STORAGE EXTERNAL;
-- The streams of a run, without a look at their chunks.
CREATE INDEX data_chunk_stream ON runs.data_chunk (org_id, run_id, stream) WHERE seq = 0;
SELECT spectra.tenant('runs.data_chunk');
SELECT spectra.insert_only('runs.data_chunk');
GRANT SELECT, INSERT ON runs.data_chunk TO spectra_runs;

-- A chunk comes while its run measures, behind the one before it, with the same columns; so no reader ever sees a gap.
-- The run's lock makes a chunk and the run's end come one after the other.
CREATE FUNCTION runs.append_data_chunk() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  run_state text;
  previous record;
BEGIN
  SELECT state INTO run_state FROM runs.run WHERE org_id = NEW.org_id AND id = NEW.run_id FOR SHARE;
  IF run_state NOT IN ('running', 'paused') THEN
    RAISE EXCEPTION 'a run that is % takes no data', run_state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'data_chunk_of_active_run';
  END IF;
  IF NEW.seq = 0 THEN
    NEW.stream_points := NEW.points;
    NEW.stream_sha256 := sha256(NEW.sha256);
    RETURN NEW;
  END IF;
  SELECT names, units, stream_points, stream_sha256 INTO previous FROM runs.data_chunk
    WHERE org_id = NEW.org_id AND run_id = NEW.run_id AND stream = NEW.stream AND seq = NEW.seq - 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'chunk % has none before it', NEW.seq
      USING ERRCODE = 'check_violation', CONSTRAINT = 'data_chunk_follows';
  END IF;
  IF (NEW.names, NEW.units) IS DISTINCT FROM (previous.names, previous.units) THEN
    RAISE EXCEPTION 'the columns of a stream do not change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'data_chunk_same_columns';
  END IF;
  NEW.stream_points := previous.stream_points + NEW.points;
  NEW.stream_sha256 := sha256(previous.stream_sha256 || NEW.sha256);
  RETURN NEW;
END $$;
CREATE TRIGGER append BEFORE INSERT ON runs.data_chunk
  FOR EACH ROW EXECUTE FUNCTION runs.append_data_chunk();
