-- A run begins at the instant at which its grants were given, and none of them has lapsed by the time that it does: after
-- all that the start may have had to wait for. By its name the trigger is the last of the statement's.
CREATE FUNCTION runs.require_timely_grants() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  held record;
BEGIN
  FOR held IN
    SELECT pinned.grant_id, pinned.kind, pinned.authorized_at, pinned.lapses_at, pinned.valid_from, pinned.expires_at
      FROM runs.run_equipment equipment
      LEFT JOIN runs.run_grant pinned USING (org_id, run_id, instrument_id)
      WHERE equipment.org_id = NEW.org_id AND equipment.run_id = NEW.id
  LOOP
    IF held.grant_id IS NULL OR held.authorized_at <> NEW.started_at
       OR (NEW.purpose = 'routine'
           AND (held.kind <> 'fit' OR NEW.started_at < held.valid_from OR NEW.started_at >= held.expires_at)) THEN
      RAISE EXCEPTION 'run % has not begun when its grants were given', NEW.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'run_grants_complete';
    END IF;
    IF clock_timestamp() >= held.lapses_at THEN
      RAISE EXCEPTION 'the grant lapsed at %', held.lapses_at
        USING ERRCODE = 'check_violation', CONSTRAINT = 'run_grant_lapsed';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER timely AFTER UPDATE OF state ON runs.run
  FOR EACH ROW WHEN (NEW.state = 'running' AND OLD.state = 'queued')
  EXECUTE FUNCTION runs.require_timely_grants();
