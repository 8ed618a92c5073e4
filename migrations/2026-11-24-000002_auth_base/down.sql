DROP FUNCTION spectra.organization_ids();
DROP SCHEMA auth CASCADE;
