-- Runs, the equipment they use, and the grants that they pin.

CREATE SCHEMA runs;
GRANT USAGE ON SCHEMA runs TO spectra_runs;

CREATE TABLE runs.run (
  org_id        uuid        NOT NULL,
  id            uuid        NOT NULL,
  sample_id     uuid        NOT NULL,
  instrument_id uuid        NOT NULL,
  method        text        NOT NULL,
  params        jsonb       NOT NULL CHECK (jsonb_typeof(params) = 'object'),
  comment       text        NOT NULL DEFAULT '',
  purpose       text        NOT NULL CHECK (purpose IN ('routine', 'intermediate_check', 'calibration')),
  state         text        NOT NULL CHECK (state IN
    ('queued', 'held', 'running', 'paused', 'succeeded', 'failed', 'aborted', 'cancelled')),
  disposition   text        NOT NULL DEFAULT 'unreviewed'
    CHECK (disposition IN ('unreviewed', 'verified', 'suspect', 'invalidated')),
  state_reason  text        NOT NULL DEFAULT '',
  created_by    uuid        NOT NULL,
  operator_id   uuid,
  valid_from    timestamptz,
  expires_at    timestamptz,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at    timestamptz,
  finished_at   timestamptz,
  updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  revision      bigint      NOT NULL DEFAULT 1,
  PRIMARY KEY (org_id, id),
  -- The calibration lockout, as the database sees it.
  CONSTRAINT run_started_within_calibration CHECK (state IN ('queued', 'held', 'cancelled') OR purpose <> 'routine' OR
    (started_at IS NOT NULL AND valid_from IS NOT NULL AND expires_at IS NOT NULL
     AND started_at >= valid_from AND started_at < expires_at)),
  CONSTRAINT run_started CHECK ((started_at IS NOT NULL) = (state NOT IN ('queued', 'held', 'cancelled'))),
  CONSTRAINT run_operator CHECK ((operator_id IS NOT NULL) = (started_at IS NOT NULL)),
  CONSTRAINT run_finished CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'aborted', 'cancelled'))),
  CONSTRAINT run_non_routine_is_no_result CHECK (purpose = 'routine' OR disposition <> 'verified')
);
CREATE INDEX run_created_at ON runs.run (org_id, created_at, id);
CREATE INDEX run_sample ON runs.run (org_id, sample_id, created_at, id);
CREATE INDEX run_instrument ON runs.run (org_id, instrument_id, created_at, id);
CREATE INDEX run_state ON runs.run (org_id, state, created_at, id);
CREATE UNIQUE INDEX run_one_active_a_sample ON runs.run (org_id, sample_id) WHERE state IN ('running', 'paused');
SELECT spectra.tenant('runs.run');
GRANT SELECT, INSERT, UPDATE ON runs.run TO spectra_runs;

CREATE TABLE runs.run_equipment (
  org_id        uuid    NOT NULL,
  run_id        uuid    NOT NULL,
  instrument_id uuid    NOT NULL,
  position      integer NOT NULL,
  active        boolean NOT NULL DEFAULT false,
  PRIMARY KEY (org_id, run_id, instrument_id),
  FOREIGN KEY (org_id, run_id) REFERENCES runs.run (org_id, id)
);
CREATE UNIQUE INDEX run_equipment_one_active_run ON runs.run_equipment (org_id, instrument_id) WHERE active;
SELECT spectra.tenant('runs.run_equipment');
GRANT SELECT, INSERT, UPDATE ON runs.run_equipment TO spectra_runs;

CREATE TABLE runs.run_grant (
  org_id         uuid        NOT NULL,
  run_id         uuid        NOT NULL,
  instrument_id  uuid        NOT NULL,
  grant_id       uuid        NOT NULL,
  kind           text        NOT NULL CHECK (kind IN ('fit', 'exempt')),
  calibration_id uuid,
  authorized_at  timestamptz NOT NULL,
  lapses_at      timestamptz NOT NULL,
  valid_from     timestamptz,
  expires_at     timestamptz,
  PRIMARY KEY (org_id, run_id, instrument_id),
  CONSTRAINT run_grant_once UNIQUE (org_id, grant_id),
  FOREIGN KEY (org_id, run_id, instrument_id) REFERENCES runs.run_equipment (org_id, run_id, instrument_id),
  CONSTRAINT run_grant_in_force CHECK (kind = 'exempt' OR
    (calibration_id IS NOT NULL AND authorized_at >= valid_from AND authorized_at < expires_at)),
  CONSTRAINT run_grant_lapse CHECK (lapses_at <= authorized_at + interval '30 seconds')
);
CREATE INDEX run_grant_calibration ON runs.run_grant (org_id, calibration_id, run_id);
SELECT spectra.tenant('runs.run_grant');
SELECT spectra.insert_only('runs.run_grant');
GRANT SELECT, INSERT ON runs.run_grant TO spectra_runs;

-- A grant that has lapsed pins nothing, by the database's clock.
CREATE FUNCTION runs.refuse_lapsed_grant() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF clock_timestamp() >= NEW.lapses_at THEN
    RAISE EXCEPTION 'the grant lapsed at %', NEW.lapses_at
      USING ERRCODE = 'check_violation', CONSTRAINT = 'run_grant_lapsed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER lapse BEFORE INSERT ON runs.run_grant
  FOR EACH ROW EXECUTE FUNCTION runs.refuse_lapsed_grant();

-- What a run may become, and what never changes once it is written.
CREATE FUNCTION runs.guard_run() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.org_id, NEW.id, NEW.sample_id, NEW.instrument_id, NEW.method, NEW.params, NEW.purpose, NEW.created_by,
      NEW.created_at)
     IS DISTINCT FROM (OLD.org_id, OLD.id, OLD.sample_id, OLD.instrument_id, OLD.method, OLD.params, OLD.purpose,
      OLD.created_by, OLD.created_at)
     OR (OLD.started_at IS NOT NULL AND (NEW.started_at, NEW.valid_from, NEW.expires_at, NEW.operator_id)
         IS DISTINCT FROM (OLD.started_at, OLD.valid_from, OLD.expires_at, OLD.operator_id))
     OR (OLD.finished_at IS NOT NULL AND (NEW.finished_at, NEW.state_reason)
         IS DISTINCT FROM (OLD.finished_at, OLD.state_reason)) THEN
    RAISE EXCEPTION 'what a run has on record does not change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'run_immutable';
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN (
    'queued>running', 'queued>held', 'queued>cancelled', 'held>queued', 'held>cancelled', 'running>paused',
    'running>succeeded', 'running>failed', 'running>aborted', 'paused>running', 'paused>failed', 'paused>aborted'
  ) THEN
    RAISE EXCEPTION 'a run that is % cannot become %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'run_transition';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON runs.run
  FOR EACH ROW EXECUTE FUNCTION runs.guard_run();

CREATE FUNCTION runs.refuse_begun_run() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> 'queued' THEN
    RAISE EXCEPTION 'a run begins in the queue' USING ERRCODE = 'check_violation', CONSTRAINT = 'run_transition';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER begin BEFORE INSERT ON runs.run
  FOR EACH ROW EXECUTE FUNCTION runs.refuse_begun_run();

-- An instrument carries one active run at a time: the run's state decides which rows are active.
CREATE FUNCTION runs.mark_equipment() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  is_active boolean := NEW.state IN ('running', 'paused');
  piece uuid;
BEGIN
  -- In one order, so that two runs with the same equipment wait for each other and never in a circle.
  FOR piece IN
    SELECT instrument_id FROM runs.run_equipment
      WHERE org_id = NEW.org_id AND run_id = NEW.id AND active <> is_active ORDER BY instrument_id
  LOOP
    UPDATE runs.run_equipment SET active = is_active
      WHERE org_id = NEW.org_id AND run_id = NEW.id AND instrument_id = piece;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER mark_equipment AFTER UPDATE OF state ON runs.run
  FOR EACH ROW EXECUTE FUNCTION runs.mark_equipment();

-- At commit, a run that has begun holds a grant for each piece of its equipment, all of kind fit if it is routine.
CREATE FUNCTION runs.require_grants() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  missing integer;
BEGIN
  SELECT count(*) INTO missing
    FROM runs.run_equipment equipment
    LEFT JOIN runs.run_grant held USING (org_id, run_id, instrument_id)
    WHERE equipment.org_id = NEW.org_id AND equipment.run_id = NEW.id
      AND (held.grant_id IS NULL OR (NEW.purpose = 'routine' AND held.kind <> 'fit'));
  IF missing > 0 OR NOT EXISTS (
    SELECT 1 FROM runs.run_equipment WHERE org_id = NEW.org_id AND run_id = NEW.id AND instrument_id = NEW.instrument_id
  ) THEN
    RAISE EXCEPTION 'run % has begun without a grant for each of its instruments', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'run_grants_complete';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER grants_complete AFTER UPDATE OF state ON runs.run
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state = 'running' AND OLD.state = 'queued')
  EXECUTE FUNCTION runs.require_grants();

-- Samples that a run has asked Samples for and not given back yet: written before the call, so that nothing that dies
-- half way leaves a sample in use for ever.
CREATE TABLE runs.sample_claim (
  org_id     uuid        NOT NULL,
  run_id     uuid        NOT NULL,
  sample_id  uuid        NOT NULL,
  claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, run_id),
  FOREIGN KEY (org_id, run_id) REFERENCES runs.run (org_id, id)
);
SELECT spectra.tenant('runs.sample_claim');
GRANT SELECT, INSERT, UPDATE, DELETE ON runs.sample_claim TO spectra_runs;

SELECT spectra.request_table('runs');
