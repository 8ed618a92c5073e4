DROP FUNCTION spectra.oldest_schema();
