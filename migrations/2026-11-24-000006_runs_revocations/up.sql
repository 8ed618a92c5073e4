-- Calibrations that were revoked, as Runs learns it from the event log: a run that pins one shows it.

CREATE TABLE runs.revocation (
  org_id         uuid        NOT NULL,
  calibration_id uuid        NOT NULL,
  revoked_at     timestamptz NOT NULL,
  PRIMARY KEY (org_id, calibration_id)
);
SELECT spectra.tenant('runs.revocation');
SELECT spectra.insert_only('runs.revocation');
GRANT SELECT, INSERT ON runs.revocation TO spectra_runs;

-- How far the event log has been read: every event of a transaction below txid has been seen.
CREATE TABLE runs.event_cursor (
  org_id uuid   NOT NULL PRIMARY KEY,
  txid   bigint NOT NULL CHECK (txid >= 0)
);
SELECT spectra.tenant('runs.event_cursor');
GRANT SELECT, INSERT, UPDATE ON runs.event_cursor TO spectra_runs;
