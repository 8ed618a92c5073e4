-- What is not there any more is nowhere else either, whoever writes it.
CREATE FUNCTION samples.guard_location() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a sample that is % cannot be moved', OLD.status
    USING ERRCODE = 'check_violation', CONSTRAINT = 'sample_movable';
END $$;
CREATE TRIGGER guard_location BEFORE UPDATE OF location ON samples.sample
  FOR EACH ROW WHEN (NEW.location IS DISTINCT FROM OLD.location AND OLD.status IN ('consumed', 'disposed', 'lost'))
  EXECUTE FUNCTION samples.guard_location();
