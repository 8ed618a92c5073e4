-- Projects; and of a sample its project, why its status is what it is, and that it was deleted. No release has been made
-- with the tables that this changes: a later one would build its indexes CONCURRENTLY and validate its key afterwards.

CREATE TABLE samples.project (
  org_id      uuid        NOT NULL,
  id          uuid        NOT NULL,
  code        text        NOT NULL CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$'),
  name        text        NOT NULL CHECK (name <> ''),
  description text        NOT NULL DEFAULT '',
  -- Users are Auth's: no key refers to them.
  member_ids  uuid[]      NOT NULL DEFAULT '{}' CHECK (cardinality(member_ids) <= 1000),
  archived_at timestamptz,
  created_by  uuid        NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  revision    bigint      NOT NULL DEFAULT 1,
  PRIMARY KEY (org_id, id),
  CONSTRAINT project_code_key UNIQUE (org_id, code)
);
CREATE INDEX project_created_at ON samples.project (org_id, created_at, id);
SELECT spectra.tenant('samples.project');
GRANT SELECT, INSERT, UPDATE ON samples.project TO spectra_samples;

ALTER TABLE samples.sample
  ADD COLUMN project_id    uuid,
  ADD COLUMN status_reason text        NOT NULL DEFAULT '',
  ADD COLUMN deleted_at    timestamptz,
  ADD CONSTRAINT sample_project_fkey FOREIGN KEY (org_id, project_id) REFERENCES samples.project (org_id, id),
  ADD CONSTRAINT sample_deleted_is_free CHECK (deleted_at IS NULL OR status <> 'in_use'),
  DROP CONSTRAINT sample_name_key;
-- Deleting a sample frees its name. Its row stays, and with it its barcode is taken for ever.
CREATE UNIQUE INDEX sample_name_key ON samples.sample (org_id, name) WHERE deleted_at IS NULL;
CREATE INDEX sample_project ON samples.sample (org_id, project_id, created_at, id) WHERE project_id IS NOT NULL;

-- An archived project takes no new samples. The lock waits for an archiving that is under way, and makes the next one
-- wait for this sample. A project that is not there is left to the foreign key.
CREATE FUNCTION samples.guard_project() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  archived timestamptz;
BEGIN
  SELECT archived_at INTO archived FROM samples.project
    WHERE org_id = NEW.org_id AND id = NEW.project_id FOR SHARE;
  IF archived IS NOT NULL THEN
    RAISE EXCEPTION 'project % is archived', NEW.project_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'sample_project_is_active';
  END IF;
  RETURN NEW;
END $$;
-- A sample without a project, or one that stays in its own, does not pay for it.
CREATE TRIGGER project_of_new BEFORE INSERT ON samples.sample
  FOR EACH ROW WHEN (NEW.project_id IS NOT NULL) EXECUTE FUNCTION samples.guard_project();
CREATE TRIGGER project_of_changed BEFORE UPDATE OF project_id ON samples.sample
  FOR EACH ROW WHEN (NEW.project_id IS NOT NULL AND NEW.project_id IS DISTINCT FROM OLD.project_id)
  EXECUTE FUNCTION samples.guard_project();
