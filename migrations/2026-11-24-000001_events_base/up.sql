-- What every schema builds on: tenant tables, insert-only tables, and the event log.

CREATE SCHEMA spectra;
COMMENT ON SCHEMA spectra IS 'Helpers for migrations and triggers; no data.';

-- Fences a table by organization. current_setting without a default raises where nothing is bound, and so does the
-- cast of the empty string that is left behind by a local setting: a mistake fails closed.
CREATE FUNCTION spectra.tenant(tenant_table regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenant_table);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tenant_table);
  EXECUTE format(
    'CREATE POLICY organization ON %s USING (org_id = current_setting(''app.org_id'')::uuid) '
    'WITH CHECK (org_id = current_setting(''app.org_id'')::uuid)', tenant_table);
END $$;

CREATE FUNCTION spectra.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% is insert-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- Binds the owner too, whom grants do not bind.
CREATE FUNCTION spectra.insert_only(ledger regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                 'FOR EACH STATEMENT EXECUTE FUNCTION spectra.refuse_change()', ledger);
END $$;

-- Remembers which request_id has been used, for a day: one table a service, made alike.
CREATE FUNCTION spectra.request_table(service text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($table$
    CREATE TABLE %I.request (
      org_id      uuid        NOT NULL,
      principal   text        NOT NULL,
      method      text        NOT NULL,
      request_id  uuid        NOT NULL,
      body_sha256 bytea       NOT NULL CHECK (octet_length(body_sha256) = 32),
      reply       bytea       NOT NULL,
      created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (org_id, request_id, principal, method)
    )$table$, service);
  -- Rows lie in the order of their time, near enough: a few bytes a megabyte find the old ones.
  EXECUTE format('CREATE INDEX request_created_at ON %I.request USING brin (created_at)', service);
  PERFORM spectra.tenant(format('%I.request', service)::regclass);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.request TO spectra_%s', service, service);
END $$;

GRANT USAGE ON SCHEMA spectra TO spectra_auth, spectra_samples, spectra_calibration, spectra_runs;

CREATE SCHEMA events;
COMMENT ON SCHEMA events IS 'The audit trail and the outbox, one row for both.';

CREATE TABLE events.event (
  org_id       uuid        NOT NULL,
  txid         xid8        NOT NULL DEFAULT pg_current_xact_id(),
  seq          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
  id           uuid        NOT NULL,
  service      text        NOT NULL,
  resource     text        NOT NULL,
  resource_id  text        NOT NULL,
  action       text        NOT NULL,
  actor        text        NOT NULL,
  on_behalf_of text,
  reason       text        NOT NULL DEFAULT '',
  request_id   text        NOT NULL,
  body         bytea       NOT NULL,
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Readers take what lies below pg_snapshot_xmin, in this order: a sequence alone commits out of order.
  PRIMARY KEY (org_id, txid, seq)
);
CREATE INDEX event_resource ON events.event (org_id, resource, resource_id, txid, seq);
SELECT spectra.tenant('events.event');
SELECT spectra.insert_only('events.event');

GRANT USAGE ON SCHEMA events TO spectra_auth, spectra_samples, spectra_calibration, spectra_runs;
GRANT SELECT, INSERT ON events.event TO spectra_auth, spectra_samples, spectra_calibration, spectra_runs;
