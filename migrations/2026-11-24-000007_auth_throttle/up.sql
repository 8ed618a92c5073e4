-- Attempts to sign in that failed, by account and by network. Before a person is known there is no organization: no row
-- security. An attempt is counted before its password is looked at, so that no burst gets past the count.
CREATE TABLE auth.login_attempt (
  -- SHA-256 of what is counted: what somebody typed as a name is not kept.
  subject    bytea       PRIMARY KEY CHECK (octet_length(subject) = 32),
  -- The generic cell rate algorithm's theoretical arrival time: when all that was used is given back.
  arrives_at timestamptz NOT NULL
);
CREATE INDEX login_attempt_arrives_at ON auth.login_attempt (arrives_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.login_attempt TO spectra_auth;
