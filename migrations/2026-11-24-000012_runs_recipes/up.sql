-- Recipes in reviewed versions, the runs that pin them, and what an organization asks of both.

CREATE TABLE runs.policy (
  org_id                  uuid    PRIMARY KEY,
  require_approved_recipe boolean NOT NULL DEFAULT false,
  four_eyes               boolean NOT NULL DEFAULT false,
  revision                bigint  NOT NULL DEFAULT 1
);
SELECT spectra.tenant('runs.policy');
GRANT SELECT, INSERT, UPDATE ON runs.policy TO spectra_runs;

CREATE TABLE runs.recipe (
  org_id         uuid        NOT NULL,
  id             uuid        NOT NULL,
  name           text        NOT NULL CHECK (name <> ''),
  latest_version integer     NOT NULL,
  created_by     uuid        NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  revision       bigint      NOT NULL DEFAULT 1,
  PRIMARY KEY (org_id, id),
  CONSTRAINT recipe_name_key UNIQUE (org_id, name)
);
CREATE INDEX recipe_created_at ON runs.recipe (org_id, created_at, id);
SELECT spectra.tenant('runs.recipe');
GRANT SELECT, INSERT, UPDATE ON runs.recipe TO spectra_runs;

-- The content is kept as the bytes that are hashed; what is derived from them cannot differ.
CREATE TABLE runs.recipe_version (
  org_id         uuid        NOT NULL,
  id             uuid        NOT NULL,
  recipe_id      uuid        NOT NULL,
  version        integer     NOT NULL CHECK (version >= 1),
  content        bytea       NOT NULL,
  content_sha256 text        NOT NULL GENERATED ALWAYS AS (encode(sha256(content), 'hex')) STORED,
  method         text        NOT NULL,
  comment        text        NOT NULL DEFAULT '',
  state          text        NOT NULL
    CHECK (state IN ('draft', 'in_review', 'approved', 'superseded', 'retired')),
  author_id      uuid        NOT NULL,
  submitted_by   uuid,
  submitted_at   timestamptz,
  reviewed_by    uuid,
  reviewed_at    timestamptz,
  review_comment text        NOT NULL DEFAULT '',
  closed_by      uuid,
  closed_at      timestamptz,
  closed_comment text        NOT NULL DEFAULT '',
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, recipe_id) REFERENCES runs.recipe (org_id, id),
  CONSTRAINT recipe_version_key UNIQUE (org_id, recipe_id, version),
  -- What a run pins: the version together with its content.
  CONSTRAINT recipe_version_content_key UNIQUE (org_id, id, content_sha256),
  CONSTRAINT recipe_version_method CHECK (convert_from(content, 'UTF8')::jsonb ->> 'method' IS NOT DISTINCT FROM method),
  CONSTRAINT recipe_version_submitted CHECK (
    (submitted_by IS NOT NULL) = (state <> 'draft') AND (submitted_at IS NOT NULL) = (state <> 'draft')),
  CONSTRAINT recipe_version_reviewed CHECK (
    (reviewed_by IS NOT NULL) = (reviewed_at IS NOT NULL)
    AND (state IN ('draft', 'in_review') OR reviewed_by IS NOT NULL)),
  CONSTRAINT recipe_version_closed CHECK (
    (closed_by IS NOT NULL) = (state IN ('superseded', 'retired'))
    AND (closed_at IS NOT NULL) = (state IN ('superseded', 'retired')))
);
CREATE UNIQUE INDEX recipe_version_one_approved ON runs.recipe_version (org_id, recipe_id) WHERE state = 'approved';
CREATE INDEX recipe_version_created_at ON runs.recipe_version (org_id, created_at, id);
SELECT spectra.tenant('runs.recipe_version');
GRANT SELECT, INSERT, UPDATE ON runs.recipe_version TO spectra_runs;

-- A recipe is written before its first version, and has it when both are committed.
ALTER TABLE runs.recipe ADD CONSTRAINT recipe_latest FOREIGN KEY (org_id, id, latest_version)
  REFERENCES runs.recipe_version (org_id, recipe_id, version) DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION runs.refuse_begun_recipe_version() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> 'draft' THEN
    RAISE EXCEPTION 'a version of a recipe begins as a draft'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recipe_version_transition';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER begin BEFORE INSERT ON runs.recipe_version
  FOR EACH ROW EXECUTE FUNCTION runs.refuse_begun_recipe_version();

-- What a version may become, what never changes once it was submitted, and who may approve it. The row is locked by
-- then, so the instants are read after any wait: a start comes wholly before a version is closed or is refused.
CREATE FUNCTION runs.guard_recipe_version() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.org_id, NEW.id, NEW.recipe_id, NEW.version, NEW.created_at)
     IS DISTINCT FROM (OLD.org_id, OLD.id, OLD.recipe_id, OLD.version, OLD.created_at)
     OR (OLD.state <> 'draft' AND (NEW.content, NEW.comment, NEW.author_id)
         IS DISTINCT FROM (OLD.content, OLD.comment, OLD.author_id))
     OR (OLD.state NOT IN ('draft', 'in_review')
         AND (NEW.submitted_by, NEW.submitted_at, NEW.reviewed_by, NEW.reviewed_at, NEW.review_comment)
         IS DISTINCT FROM (OLD.submitted_by, OLD.submitted_at, OLD.reviewed_by, OLD.reviewed_at, OLD.review_comment))
     OR (OLD.closed_at IS NOT NULL AND (NEW.closed_by, NEW.closed_at, NEW.closed_comment)
         IS DISTINCT FROM (OLD.closed_by, OLD.closed_at, OLD.closed_comment)) THEN
    RAISE EXCEPTION 'what a version of a recipe has on record does not change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recipe_version_immutable';
  END IF;
  NEW.updated_at := clock_timestamp();
  IF NEW.state = OLD.state THEN
    RETURN NEW;
  END IF;

  IF (OLD.state || '>' || NEW.state) NOT IN (
    'draft>in_review', 'in_review>approved', 'in_review>draft', 'approved>superseded', 'approved>retired'
  ) THEN
    RAISE EXCEPTION 'a version of a recipe that is % cannot become %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recipe_version_transition';
  END IF;
  CASE NEW.state
    WHEN 'in_review' THEN NEW.submitted_at := clock_timestamp();
    WHEN 'draft', 'approved' THEN NEW.reviewed_at := clock_timestamp();
    ELSE NEW.closed_at := clock_timestamp();
  END CASE;
  IF NEW.state <> 'approved' THEN
    RETURN NEW;
  END IF;

  IF NEW.reviewed_by IN (NEW.author_id, NEW.submitted_by)
     AND EXISTS (SELECT FROM runs.policy WHERE org_id = NEW.org_id AND four_eyes) THEN
    RAISE EXCEPTION 'a version of a recipe is approved by somebody who neither wrote nor submitted it'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recipe_version_four_eyes';
  END IF;
  IF EXISTS (
    SELECT FROM runs.recipe_version WHERE org_id = NEW.org_id AND recipe_id = NEW.recipe_id AND version > NEW.version
      AND state IN ('approved', 'superseded', 'retired')
  ) THEN
    RAISE EXCEPTION 'a later version of the recipe was approved already'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recipe_version_overtaken';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON runs.recipe_version
  FOR EACH ROW EXECUTE FUNCTION runs.guard_recipe_version();

-- A run pins a version by its content. Rows that are there already have none, so there is nothing to validate.
ALTER TABLE runs.run
  ADD COLUMN recipe_version_id uuid,
  ADD COLUMN recipe_sha256     text,
  ADD CONSTRAINT run_recipe_whole CHECK ((recipe_version_id IS NULL) = (recipe_sha256 IS NULL)) NOT VALID,
  ADD CONSTRAINT run_recipe FOREIGN KEY (org_id, recipe_version_id, recipe_sha256)
    REFERENCES runs.recipe_version (org_id, id, content_sha256) NOT VALID;
CREATE INDEX run_recipe_version ON runs.run (org_id, recipe_version_id, created_at, id)
  WHERE recipe_version_id IS NOT NULL;

-- What a run pins stays, and was approved when it started. The version is locked until the start is committed: whoever
-- closes it waits, and is stamped later; whoever closed it first is seen.
CREATE FUNCTION runs.guard_run_recipe() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  pinned runs.recipe_version;
BEGIN
  IF (NEW.recipe_version_id, NEW.recipe_sha256) IS DISTINCT FROM (OLD.recipe_version_id, OLD.recipe_sha256) THEN
    RAISE EXCEPTION 'the recipe that a run pins does not change'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'run_immutable';
  END IF;
  IF NEW.started_at IS NULL OR OLD.started_at IS NOT NULL THEN
    RETURN NEW;
  END IF;

  IF NEW.recipe_version_id IS NULL THEN
    IF NEW.purpose = 'routine'
       AND EXISTS (SELECT FROM runs.policy WHERE org_id = NEW.org_id AND require_approved_recipe) THEN
      RAISE EXCEPTION 'a routine run starts from an approved recipe here'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'run_recipe_wanted';
    END IF;
    RETURN NEW;
  END IF;
  SELECT * INTO pinned FROM runs.recipe_version
    WHERE org_id = NEW.org_id AND id = NEW.recipe_version_id FOR SHARE;
  IF pinned.state IS DISTINCT FROM 'approved' OR pinned.reviewed_at > NEW.started_at THEN
    RAISE EXCEPTION 'the recipe version % was not approved when run % started', NEW.recipe_version_id, NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'run_recipe_approved';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_recipe BEFORE UPDATE ON runs.run
  FOR EACH ROW EXECUTE FUNCTION runs.guard_run_recipe();
