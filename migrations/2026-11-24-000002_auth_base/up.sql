-- Organizations, people, their sessions and refresh tokens.

CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO spectra_auth;

-- The three tables that are read before an organization is known, by the auth role alone: no row security.
CREATE TABLE auth.organization (
  id         uuid        PRIMARY KEY,
  slug       text        NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{0,62}$'),
  name       text        NOT NULL,
  time_zone  text        NOT NULL DEFAULT 'UTC',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE ON auth.organization TO spectra_auth;

CREATE TABLE auth.user (
  org_id        uuid        NOT NULL REFERENCES auth.organization (id),
  id            uuid        NOT NULL,
  email         text        NOT NULL CHECK (email = lower(email)),
  display_name  text        NOT NULL,
  role          text        NOT NULL CHECK (role IN ('admin', 'pi', 'engineer', 'technician', 'viewer')),
  password_hash text,
  disabled_at   timestamptz,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  revision      bigint      NOT NULL DEFAULT 1,
  PRIMARY KEY (org_id, id),
  CONSTRAINT user_email_key UNIQUE (org_id, email)
);
SELECT spectra.tenant('auth.user');
GRANT SELECT, INSERT, UPDATE ON auth.user TO spectra_auth;

CREATE TABLE auth.login_directory (
  email   text PRIMARY KEY CHECK (email = lower(email)),
  org_id  uuid NOT NULL,
  user_id uuid NOT NULL,
  FOREIGN KEY (org_id, user_id) REFERENCES auth.user (org_id, id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.login_directory TO spectra_auth;

CREATE TABLE auth.session (
  org_id       uuid        NOT NULL,
  id           uuid        NOT NULL,
  user_id      uuid        NOT NULL,
  created_at   timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  end_reason   text        CHECK (end_reason IN ('logout', 'reuse', 'revoked', 'disabled')),
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, user_id) REFERENCES auth.user (org_id, id),
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX session_of_user ON auth.session (org_id, user_id, created_at);
SELECT spectra.tenant('auth.session');
GRANT SELECT, INSERT, UPDATE ON auth.session TO spectra_auth;

-- A family is the tokens of one session. A token is live while it is neither consumed nor replaced.
CREATE TABLE auth.refresh_token (
  org_id       uuid        NOT NULL,
  id           uuid        NOT NULL,
  session_id   uuid        NOT NULL,
  parent_id    uuid,
  token_sha256 bytea       NOT NULL CHECK (octet_length(token_sha256) = 32),
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  consumed_at  timestamptz,
  replaced_at  timestamptz,
  PRIMARY KEY (org_id, id),
  CONSTRAINT refresh_token_sha256_key UNIQUE (org_id, token_sha256),
  FOREIGN KEY (org_id, session_id) REFERENCES auth.session (org_id, id),
  FOREIGN KEY (org_id, parent_id) REFERENCES auth.refresh_token (org_id, id)
);
-- At most one live token a family, whatever races.
CREATE UNIQUE INDEX refresh_token_live ON auth.refresh_token (org_id, session_id)
  WHERE consumed_at IS NULL AND replaced_at IS NULL;
CREATE INDEX refresh_token_parent ON auth.refresh_token (org_id, parent_id);
SELECT spectra.tenant('auth.refresh_token');
GRANT SELECT, INSERT, UPDATE ON auth.refresh_token TO spectra_auth;

SELECT spectra.request_table('auth');

-- Workers of the other services go from organization to organization; this is all they learn of them.
CREATE FUNCTION spectra.organization_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS 'SELECT id FROM auth.organization ORDER BY id';
REVOKE ALL ON FUNCTION spectra.organization_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spectra.organization_ids() TO spectra_auth, spectra_samples, spectra_calibration, spectra_runs;
