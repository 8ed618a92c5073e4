-- The certificates themselves, as they came: one to a calibration, written once.

CREATE TABLE calibration.document (
  org_id         uuid        NOT NULL,
  calibration_id uuid        NOT NULL,
  file_name      text        NOT NULL CHECK (file_name <> ''),
  media_type     text        NOT NULL CHECK (media_type <> ''),
  content        bytea       NOT NULL,
  size_bytes     integer     NOT NULL GENERATED ALWAYS AS (octet_length(content)) STORED,
  sha256         bytea       NOT NULL GENERATED ALWAYS AS (sha256(content)) STORED,
  created_by     uuid        NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, calibration_id),
  FOREIGN KEY (org_id, calibration_id) REFERENCES calibration.calibration (org_id, id),
  CONSTRAINT document_size CHECK (octet_length(content) BETWEEN 1 AND 3000000)
);
-- What is scanned or set as PDF hardly shrinks.
ALTER TABLE calibration.document ALTER COLUMN content SET STORAGE EXTERNAL;
SELECT spectra.tenant('calibration.document');
SELECT spectra.insert_only('calibration.document');
GRANT SELECT, INSERT ON calibration.document TO spectra_calibration;

-- Where the calibration was entered with the hash of its document, no other document is it.
CREATE FUNCTION calibration.check_document() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  declared text;
BEGIN
  SELECT document_sha256 INTO declared FROM calibration.calibration
    WHERE org_id = NEW.org_id AND id = NEW.calibration_id;
  IF declared <> '' AND declared <> encode(sha256(NEW.content), 'hex') THEN
    RAISE EXCEPTION 'another document than the one that was declared'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'document_declared';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER check_document BEFORE INSERT ON calibration.document
  FOR EACH ROW EXECUTE FUNCTION calibration.check_document();
