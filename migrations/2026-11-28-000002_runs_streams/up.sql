-- As before, and: whoever reads a run reads of all its streams, so that there are not too many.
CREATE OR REPLACE FUNCTION runs.append_data_chunk() RETURNS trigger
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
    IF (SELECT count(*) FROM runs.data_chunk WHERE org_id = NEW.org_id AND run_id = NEW.run_id AND seq = 0) >= 32 THEN
      RAISE EXCEPTION 'a run has 32 streams at most'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'data_chunk_streams';
    END IF;
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
