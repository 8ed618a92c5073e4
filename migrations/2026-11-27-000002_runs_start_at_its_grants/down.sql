DROP TRIGGER timely ON runs.run;
DROP FUNCTION runs.require_timely_grants();
