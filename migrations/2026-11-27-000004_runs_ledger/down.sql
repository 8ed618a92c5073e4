DROP TRIGGER ledger ON runs.run_grant;
DROP FUNCTION runs.require_ledger();
