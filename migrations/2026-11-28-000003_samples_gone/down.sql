DROP TRIGGER guard_location ON samples.sample;
DROP FUNCTION samples.guard_location();
