-- Whoever has written at a version of a recipe is its author, not the last one alone, and does not approve it where the
-- laboratory wants four eyes.
ALTER TABLE runs.recipe_version ADD COLUMN author_ids uuid[] NOT NULL DEFAULT '{}';

CREATE FUNCTION runs.keep_authors() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.author_ids := ARRAY[NEW.author_id];
    RETURN NEW;
  END IF;
  NEW.author_ids := OLD.author_ids;
  IF (NEW.content, NEW.comment, NEW.author_id) IS DISTINCT FROM (OLD.content, OLD.comment, OLD.author_id) THEN
    -- Of a version from before this column, who edited it last is known.
    NEW.author_ids := ARRAY(SELECT DISTINCT unnest(OLD.author_ids || OLD.author_id || NEW.author_id));
  END IF;
  IF NEW.state = 'approved' AND OLD.state <> 'approved' AND NEW.reviewed_by = ANY (NEW.author_ids)
     AND EXISTS (SELECT FROM runs.policy WHERE org_id = NEW.org_id AND four_eyes) THEN
    RAISE EXCEPTION 'a version of a recipe is approved by somebody who neither wrote nor submitted it'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recipe_version_four_eyes';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_authors BEFORE INSERT OR UPDATE ON runs.recipe_version
  FOR EACH ROW EXECUTE FUNCTION runs.keep_authors();
