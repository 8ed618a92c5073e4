-- A certificate that was rejected or revoked leaves its number free: entered with a mistake, it can be entered again. The
-- table is small enough for a moment.
ALTER TABLE calibration.calibration DROP CONSTRAINT calibration_certificate_id_key;
CREATE UNIQUE INDEX calibration_certificate_id_key ON calibration.calibration (org_id, instrument_id, certificate_id)
  WHERE state IN ('draft', 'accepted');

-- As before, and: a bad finding counts from now on; nothing of what a certificate says changes, nor who entered it.
CREATE OR REPLACE FUNCTION calibration.stamp_calibration() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  old_state text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.state ELSE 'draft' END;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.org_id, NEW.id, NEW.instrument_id, NEW.certificate_id, NEW.issued_at, NEW.valid_from, NEW.expires_at,
        NEW.scope, NEW.as_found, NEW.adjusted, NEW.as_left, NEW.provider, NEW.accreditation, NEW.standards_used,
        NEW.document_sha256, NEW.created_by, NEW.created_at)
       IS DISTINCT FROM (OLD.org_id, OLD.id, OLD.instrument_id, OLD.certificate_id, OLD.issued_at, OLD.valid_from,
        OLD.expires_at, OLD.scope, OLD.as_found, OLD.adjusted, OLD.as_left, OLD.provider, OLD.accreditation,
        OLD.standards_used, OLD.document_sha256, OLD.created_by, OLD.created_at) THEN
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
  -- What was found out of tolerance is not fit from now on, whatever the clock says that the certificate was written by.
  IF TG_OP = 'INSERT' AND (CASE WHEN NEW.adjusted THEN NEW.as_left ELSE NEW.as_found END) = 'out_of_tolerance' THEN
    NEW.valid_from := least(NEW.valid_from, clock_timestamp());
  END IF;
  IF NEW.state = 'accepted' AND (TG_OP = 'INSERT' OR old_state <> 'accepted') THEN
    NEW.accepted_at := clock_timestamp();
  ELSIF NEW.state = 'revoked' AND old_state <> 'revoked' THEN
    NEW.revoked_at := clock_timestamp();
  END IF;
  RETURN NEW;
END $$;
