DROP TRIGGER guard_recipe ON runs.run;
DROP FUNCTION runs.guard_run_recipe();
DROP INDEX runs.run_recipe_version;
ALTER TABLE runs.run
  DROP CONSTRAINT run_recipe,
  DROP CONSTRAINT run_recipe_whole,
  DROP COLUMN recipe_version_id,
  DROP COLUMN recipe_sha256;
ALTER TABLE runs.recipe DROP CONSTRAINT recipe_latest;
DROP TABLE runs.recipe_version;
DROP TABLE runs.recipe;
DROP TABLE runs.policy;
DROP FUNCTION runs.guard_recipe_version();
DROP FUNCTION runs.refuse_begun_recipe_version();
