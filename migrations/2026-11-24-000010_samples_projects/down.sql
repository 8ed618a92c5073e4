-- Without deleted_at every name is taken: the deleted samples give theirs up.
DO $$
DECLARE
  organization uuid;
BEGIN
  FOR organization IN SELECT spectra.organization_ids() LOOP
    PERFORM set_config('app.org_id', organization::text, true);
    UPDATE samples.sample SET name = name || ' (deleted, ' || id || ')'
      WHERE org_id = organization AND deleted_at IS NOT NULL;
  END LOOP;
END $$;
DROP TRIGGER project_of_new ON samples.sample;
DROP TRIGGER project_of_changed ON samples.sample;
DROP FUNCTION samples.guard_project();
DROP INDEX samples.sample_name_key;
ALTER TABLE samples.sample
  ADD CONSTRAINT sample_name_key UNIQUE (org_id, name),
  DROP CONSTRAINT sample_deleted_is_free,
  DROP COLUMN project_id,
  DROP COLUMN status_reason,
  DROP COLUMN deleted_at;
DROP TABLE samples.project;
