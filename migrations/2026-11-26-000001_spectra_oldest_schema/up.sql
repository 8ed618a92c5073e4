-- Which programs may still run: those that know this migration, or a later one. A program that meets a newer schema than
-- its own asks here, so that a release can be taken back while its schema stays. A migration that takes away what
-- programs used replaces the function by one that names the migration that those programs do not have.
CREATE FUNCTION spectra.oldest_schema() RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT '20261124000014' $$;
