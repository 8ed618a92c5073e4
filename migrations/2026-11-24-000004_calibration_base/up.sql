-- Instruments, their calibrations, and the ledger of uses.

CREATE SCHEMA calibration;
GRANT USAGE ON SCHEMA calibration TO spectra_calibration;

CREATE TABLE calibration.policy (
  org_id             uuid    PRIMARY KEY,
  due_soon_days      integer NOT NULL DEFAULT 30 CHECK (due_soon_days BETWEEN 0 AND 3650),
  certificate_review boolean NOT NULL DEFAULT false,
  revision           bigint  NOT NULL DEFAULT 1
);
SELECT spectra.tenant('calibration.policy');
GRANT SELECT, INSERT, UPDATE ON calibration.policy TO spectra_calibration;

CREATE TABLE calibration.instrument (
  org_id                    uuid        NOT NULL,
  id                        uuid        NOT NULL,
  asset_code                text        NOT NULL CHECK (asset_code <> ''),
  manufacturer              text        NOT NULL,
  model                     text        NOT NULL,
  serial_number             text        NOT NULL DEFAULT '',
  firmware                  text        NOT NULL DEFAULT '',
  location                  text        NOT NULL DEFAULT '',
  methods                   text[]      NOT NULL DEFAULT '{}',
  calibration_interval_days integer     NOT NULL DEFAULT 0 CHECK (calibration_interval_days >= 0),
  service_state             text        NOT NULL CHECK (service_state IN ('in_service', 'out_of_service')),
  service_reason            text        NOT NULL DEFAULT '',
  service_changed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by                uuid        NOT NULL,
  created_at                timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at                timestamptz NOT NULL DEFAULT clock_timestamp(),
  revision                  bigint      NOT NULL DEFAULT 1,
  PRIMARY KEY (org_id, id),
  CONSTRAINT instrument_asset_code_key UNIQUE (org_id, asset_code)
);
CREATE INDEX instrument_created_at ON calibration.instrument (org_id, created_at, id);
SELECT spectra.tenant('calibration.instrument');
GRANT SELECT, INSERT, UPDATE ON calibration.instrument TO spectra_calibration;

-- Going out of service takes fitness away. A row trigger runs when the row's lock is held, so the instant it reads
-- comes after every use that was authorized under that lock.
CREATE FUNCTION calibration.stamp_instrument() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.service_state <> OLD.service_state THEN
    NEW.service_changed_at := clock_timestamp();
  ELSE
    NEW.service_changed_at := OLD.service_changed_at;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON calibration.instrument
  FOR EACH ROW EXECUTE FUNCTION calibration.stamp_instrument();

CREATE TABLE calibration.capability (
  org_id                    uuid    NOT NULL,
  instrument_id             uuid    NOT NULL,
  quantity                  text    NOT NULL CHECK (quantity ~ '^[a-z][a-z0-9_]*$'),
  position                  integer NOT NULL,
  range_low                 numeric NOT NULL,
  range_high                numeric NOT NULL,
  unit                      text    NOT NULL CHECK (unit <> ''),
  maximum_permissible_error numeric CHECK (maximum_permissible_error >= 0),
  resolution                numeric CHECK (resolution >= 0),
  PRIMARY KEY (org_id, instrument_id, quantity),
  FOREIGN KEY (org_id, instrument_id) REFERENCES calibration.instrument (org_id, id),
  CONSTRAINT capability_range CHECK (range_low <= range_high)
);
SELECT spectra.tenant('calibration.capability');
GRANT SELECT, INSERT, DELETE ON calibration.capability TO spectra_calibration;

CREATE TABLE calibration.calibration (
  org_id          uuid        NOT NULL,
  id              uuid        NOT NULL,
  instrument_id   uuid        NOT NULL,
  certificate_id  text        NOT NULL CHECK (certificate_id <> ''),
  provider        text        NOT NULL CHECK (provider <> ''),
  accreditation   text        NOT NULL DEFAULT '',
  issued_at       timestamptz NOT NULL,
  valid_from      timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  scope           text[]      NOT NULL DEFAULT '{}',
  as_found        text        NOT NULL DEFAULT 'unspecified'
    CHECK (as_found IN ('unspecified', 'in_tolerance', 'out_of_tolerance')),
  adjusted        boolean     NOT NULL DEFAULT false,
  as_left         text        NOT NULL DEFAULT 'unspecified'
    CHECK (as_left IN ('unspecified', 'in_tolerance', 'out_of_tolerance')),
  standards_used  text[]      NOT NULL DEFAULT '{}',
  document_sha256 text        NOT NULL DEFAULT '',
  state           text        NOT NULL CHECK (state IN ('draft', 'accepted', 'rejected', 'revoked')),
  created_by      uuid        NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  reviewed_by     uuid,
  review_comment  text        NOT NULL DEFAULT '',
  accepted_at     timestamptz,
  revoked_at      timestamptz,
  revision        bigint      NOT NULL DEFAULT 1,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, instrument_id) REFERENCES calibration.instrument (org_id, id),
  CONSTRAINT calibration_certificate_id_key UNIQUE (org_id, instrument_id, certificate_id),
  CONSTRAINT calibration_validity CHECK (valid_from < expires_at),
  CONSTRAINT calibration_issued CHECK (issued_at < expires_at),
  CONSTRAINT calibration_accepted_at CHECK ((accepted_at IS NOT NULL) = (state IN ('accepted', 'revoked'))),
  CONSTRAINT calibration_revoked_at CHECK ((revoked_at IS NOT NULL) = (state = 'revoked'))
);
CREATE INDEX calibration_created_at ON calibration.calibration (org_id, created_at, id);
CREATE INDEX calibration_in_force ON calibration.calibration (org_id, instrument_id, valid_from DESC, accepted_at DESC)
  WHERE state IN ('accepted', 'revoked');
SELECT spectra.tenant('calibration.calibration');
GRANT SELECT, INSERT, UPDATE ON calibration.calibration TO spectra_calibration;

-- Whatever can take fitness away locks the instrument first and reads the clock only then: an authorization holds the
-- same row FOR NO KEY UPDATE, so each comes wholly before or wholly after the other, and the instants say so. What the caller
-- supplied for an instant is ignored.
CREATE FUNCTION calibration.stamp_calibration() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  old_state text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.state ELSE 'draft' END;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.org_id, NEW.id, NEW.instrument_id, NEW.certificate_id, NEW.issued_at, NEW.valid_from, NEW.expires_at,
        NEW.scope, NEW.as_found, NEW.adjusted, NEW.as_left)
       IS DISTINCT FROM (OLD.org_id, OLD.id, OLD.instrument_id, OLD.certificate_id, OLD.issued_at, OLD.valid_from,
        OLD.expires_at, OLD.scope, OLD.as_found, OLD.adjusted, OLD.as_left) THEN
      RAISE EXCEPTION 'what a certificate says does not change'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'calibration_immutable';
    END IF;
    IF NEW.state <> OLD.state
       AND (OLD.state || '>' || NEW.state) NOT IN ('draft>accepted', 'draft>rejected', 'accepted>revoked') THEN
      RAISE EXCEPTION 'a calibration that is % cannot become %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'calibration_transition';
    END IF;
    NEW.accepted_at := OLD.accepted_at;
    NEW.revoked_at := OLD.revoked_at;
  ELSE
    IF NEW.state NOT IN ('draft', 'accepted') THEN
      RAISE EXCEPTION 'a calibration begins as a draft or accepted'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'calibration_transition';
    END IF;
    -- A little later than now by somebody else's clock; no certificate comes from further ahead.
    IF NEW.issued_at > clock_timestamp() + interval '5 minutes' THEN
      RAISE EXCEPTION 'a certificate is not issued in the future'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'calibration_issued_before_now';
    END IF;
    NEW.accepted_at := NULL;
    NEW.revoked_at := NULL;
  END IF;

  PERFORM 1 FROM calibration.instrument
    WHERE org_id = NEW.org_id AND id = NEW.instrument_id FOR UPDATE;
  IF NEW.state = 'accepted' AND (TG_OP = 'INSERT' OR old_state <> 'accepted') THEN
    NEW.accepted_at := clock_timestamp();
  ELSIF NEW.state = 'revoked' AND old_state <> 'revoked' THEN
    NEW.revoked_at := clock_timestamp();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON calibration.calibration
  FOR EACH ROW EXECUTE FUNCTION calibration.stamp_calibration();

CREATE TABLE calibration.calibration_point (
  org_id               uuid    NOT NULL,
  calibration_id       uuid    NOT NULL,
  position             integer NOT NULL,
  quantity             text    NOT NULL,
  reference            numeric,
  indication           numeric,
  error                numeric,
  expanded_uncertainty numeric CHECK (expanded_uncertainty >= 0),
  coverage_factor      numeric CHECK (coverage_factor > 0),
  unit                 text    NOT NULL,
  as_left              boolean NOT NULL,
  PRIMARY KEY (org_id, calibration_id, position),
  FOREIGN KEY (org_id, calibration_id) REFERENCES calibration.calibration (org_id, id)
);
SELECT spectra.tenant('calibration.calibration_point');
SELECT spectra.insert_only('calibration.calibration_point');
GRANT SELECT, INSERT ON calibration.calibration_point TO spectra_calibration;

CREATE TABLE calibration.use_grant (
  org_id         uuid        NOT NULL,
  id             uuid        NOT NULL,
  run_id         uuid        NOT NULL,
  attempt_id     uuid        NOT NULL,
  instrument_id  uuid        NOT NULL,
  kind           text        NOT NULL CHECK (kind IN ('fit', 'exempt')),
  calibration_id uuid,
  valid_from     timestamptz,
  expires_at     timestamptz,
  authorized_at  timestamptz NOT NULL,
  lapses_at      timestamptz NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  CONSTRAINT use_grant_attempt_key UNIQUE (org_id, run_id, attempt_id, instrument_id),
  FOREIGN KEY (org_id, instrument_id) REFERENCES calibration.instrument (org_id, id),
  FOREIGN KEY (org_id, calibration_id) REFERENCES calibration.calibration (org_id, id),
  CONSTRAINT use_grant_in_force CHECK (kind = 'exempt' OR
    (calibration_id IS NOT NULL AND valid_from IS NOT NULL AND expires_at IS NOT NULL
     AND authorized_at >= valid_from AND authorized_at < expires_at)),
  CONSTRAINT use_grant_lapse CHECK (lapses_at = authorized_at + interval '30 seconds')
);
CREATE INDEX use_grant_created_at ON calibration.use_grant (org_id, created_at, id);
CREATE INDEX use_grant_instrument ON calibration.use_grant (org_id, instrument_id, created_at, id);
CREATE INDEX use_grant_calibration ON calibration.use_grant (org_id, calibration_id, created_at, id);
SELECT spectra.tenant('calibration.use_grant');
SELECT spectra.insert_only('calibration.use_grant');
GRANT SELECT, INSERT ON calibration.use_grant TO spectra_calibration;

SELECT spectra.request_table('calibration');
