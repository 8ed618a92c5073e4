-- In the order in which uses are authorized, so that nobody waits in a circle.
LOCK TABLE calibration.instrument, calibration.capability, calibration.calibration;

-- What a certificate covers is what the instrument could do when the certificate was entered: a capability that is
-- widened or added later was not calibrated.
ALTER TABLE calibration.calibration ADD COLUMN covers jsonb NOT NULL DEFAULT '[]';

CREATE FUNCTION calibration.abilities(of_org uuid, of_instrument uuid, within text[]) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('quantity', quantity, 'low', range_low::text, 'high', range_high::text,
                                               'unit', unit) ORDER BY position), '[]')
    FROM calibration.capability
    WHERE org_id = of_org AND instrument_id = of_instrument AND (within = '{}' OR quantity = ANY (within))
$$;

-- Of certificates that are there already, it is what the instrument can do now. Their table is small enough for a moment.
ALTER TABLE calibration.calibration NO FORCE ROW LEVEL SECURITY;
ALTER TABLE calibration.capability NO FORCE ROW LEVEL SECURITY;
ALTER TABLE calibration.instrument NO FORCE ROW LEVEL SECURITY;
UPDATE calibration.calibration SET covers = calibration.abilities(org_id, instrument_id, scope);
ALTER TABLE calibration.calibration FORCE ROW LEVEL SECURITY;
ALTER TABLE calibration.capability FORCE ROW LEVEL SECURITY;
ALTER TABLE calibration.instrument FORCE ROW LEVEL SECURITY;

-- By their names these triggers come after `stamp`, which has locked the instrument: its capabilities stay what they are,
-- and every use that was authorized is in the ledger.
CREATE FUNCTION calibration.stamp_covers() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    NEW.covers := OLD.covers;
  ELSE
    NEW.covers := calibration.abilities(NEW.org_id, NEW.instrument_id, NEW.scope);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stamp_covers BEFORE INSERT OR UPDATE ON calibration.calibration
  FOR EACH ROW EXECUTE FUNCTION calibration.stamp_covers();

-- A clock that was set back does not bring what takes fitness away before the uses that were authorized before it.
CREATE FUNCTION calibration.stamp_revocation_after_uses() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.revoked_at := greatest(NEW.revoked_at, (
    SELECT max(authorized_at) + interval '1 microsecond' FROM calibration.use_grant
      WHERE org_id = NEW.org_id AND calibration_id = NEW.id));
  RETURN NEW;
END $$;
CREATE TRIGGER stamp_revocation BEFORE UPDATE ON calibration.calibration
  FOR EACH ROW WHEN (NEW.state = 'revoked' AND OLD.state <> 'revoked')
  EXECUTE FUNCTION calibration.stamp_revocation_after_uses();

CREATE FUNCTION calibration.stamp_service_after_uses() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.service_changed_at := greatest(NEW.service_changed_at, (
    SELECT max(authorized_at) + interval '1 microsecond' FROM calibration.use_grant
      WHERE org_id = NEW.org_id AND instrument_id = NEW.id));
  RETURN NEW;
END $$;
CREATE TRIGGER stamp_service BEFORE UPDATE ON calibration.instrument
  FOR EACH ROW WHEN (NEW.service_state = 'out_of_service' AND OLD.service_state <> 'out_of_service')
  EXECUTE FUNCTION calibration.stamp_service_after_uses();
