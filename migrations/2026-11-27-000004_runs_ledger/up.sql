-- What a run pins stands in the ledger of uses, word for word: whoever writes it, no grant is invented. The function reads
-- the other service's ledger with its owner's rights, in the organization that the session is bound to.
CREATE FUNCTION runs.require_ledger() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM calibration.use_grant ledger
      WHERE ledger.org_id = NEW.org_id AND ledger.id = NEW.grant_id
        AND (ledger.run_id, ledger.instrument_id, ledger.kind, ledger.calibration_id, ledger.authorized_at,
             ledger.lapses_at, ledger.valid_from, ledger.expires_at)
            IS NOT DISTINCT FROM
            (NEW.run_id, NEW.instrument_id, NEW.kind, NEW.calibration_id, NEW.authorized_at,
             NEW.lapses_at, NEW.valid_from, NEW.expires_at)
  ) THEN
    RAISE EXCEPTION 'grant % does not stand in the ledger of uses', NEW.grant_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'run_grant_ledger';
  END IF;
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION runs.require_ledger() FROM PUBLIC;
CREATE TRIGGER ledger BEFORE INSERT ON runs.run_grant
  FOR EACH ROW EXECUTE FUNCTION runs.require_ledger();
