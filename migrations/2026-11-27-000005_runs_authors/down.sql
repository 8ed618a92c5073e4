DROP TRIGGER keep_authors ON runs.recipe_version;
DROP FUNCTION runs.keep_authors();
ALTER TABLE runs.recipe_version DROP COLUMN author_ids;
