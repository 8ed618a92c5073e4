-- Where a number was used again meanwhile, this fails: there is no way back without losing a certificate.
DROP INDEX calibration.calibration_certificate_id_key;
ALTER TABLE calibration.calibration
  ADD CONSTRAINT calibration_certificate_id_key UNIQUE (org_id, instrument_id, certificate_id);

CREATE OR REPLACE FUNCTION calibration.stamp_calibration() RETURNS trigger
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
