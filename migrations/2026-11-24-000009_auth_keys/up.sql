-- Keys that tokens are signed with, and sessions that were ended before their tokens. Both are of all organizations:
-- they are read, without row security, by the auth role alone.

CREATE TABLE auth.signing_key (
  -- Thumbprint of the public key (RFC 7638).
  kid            text        PRIMARY KEY,
  typ            text        NOT NULL CHECK (typ IN ('at+jwt', 'svc+jwt')),
  algorithm      text        NOT NULL CHECK (algorithm IN ('EdDSA', 'ES256', 'RS256')),
  -- PKCS #8, sealed with a key that the database does not have.
  private_sealed bytea       NOT NULL,
  created_at     timestamptz NOT NULL,
  -- From then on it signs, until a later one does.
  active_at      timestamptz NOT NULL,
  CHECK (active_at >= created_at)
);
GRANT SELECT, INSERT, DELETE ON auth.signing_key TO spectra_auth;

CREATE TABLE auth.revocation (
  session_id uuid        PRIMARY KEY,
  revoked_at timestamptz NOT NULL,
  -- The longest life that an access token may be set to, and what clocks may differ.
  expires_at timestamptz NOT NULL
);
CREATE INDEX revocation_revoked_at ON auth.revocation (revoked_at);
GRANT SELECT, INSERT, DELETE ON auth.revocation TO spectra_auth;

-- Whatever ends a session is told to every verifier: nothing that ends one can forget it.
CREATE FUNCTION auth.session_ended() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO auth.revocation (session_id, revoked_at, expires_at)
  VALUES (NEW.id, clock_timestamp(), clock_timestamp() + interval '25 hours')
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER session_ended AFTER UPDATE OF ended_at ON auth.session
  FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION auth.session_ended();
