-- Samples.

CREATE SCHEMA samples;
GRANT USAGE ON SCHEMA samples TO spectra_samples;

CREATE TABLE samples.sample (
  org_id               uuid        NOT NULL,
  id                   uuid        NOT NULL,
  name                 text        NOT NULL CHECK (name <> ''),
  material_type        text        NOT NULL CHECK (material_type <> ''),
  lot_code             text        NOT NULL DEFAULT '',
  barcode              text        CHECK (barcode <> ''),
  location             text        NOT NULL DEFAULT '',
  quantity_value       numeric,
  quantity_unit        text,
  quantity_uncertainty numeric     CHECK (quantity_uncertainty >= 0),
  quantity_coverage    numeric     CHECK (quantity_coverage > 0),
  attributes           jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
  status               text        NOT NULL CHECK (status IN
    ('registered', 'available', 'in_use', 'consumed', 'disposed', 'lost', 'quarantined')),
  run_id               uuid,
  created_by           uuid        NOT NULL,
  created_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  revision             bigint      NOT NULL DEFAULT 1,
  PRIMARY KEY (org_id, id),
  CONSTRAINT sample_name_key UNIQUE (org_id, name),
  -- Rows are never deleted, so a barcode is never used again.
  CONSTRAINT sample_barcode_key UNIQUE (org_id, barcode),
  CONSTRAINT sample_quantity_has_unit CHECK ((quantity_value IS NULL) = (quantity_unit IS NULL)),
  CONSTRAINT sample_in_use_by_a_run CHECK ((status = 'in_use') = (run_id IS NOT NULL))
);
CREATE INDEX sample_created_at ON samples.sample (org_id, created_at, id);
CREATE INDEX sample_lot_code ON samples.sample (org_id, lot_code, id);
CREATE UNIQUE INDEX sample_run ON samples.sample (org_id, run_id) WHERE run_id IS NOT NULL;
SELECT spectra.tenant('samples.sample');
GRANT SELECT, INSERT, UPDATE ON samples.sample TO spectra_samples;

-- The states a sample may go through, whoever asks.
CREATE FUNCTION samples.guard_sample() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status <> OLD.status AND (OLD.status || '>' || NEW.status) NOT IN (
    'registered>available', 'available>in_use', 'in_use>available', 'available>consumed', 'available>disposed',
    'available>lost', 'available>quarantined', 'quarantined>available', 'quarantined>disposed', 'quarantined>lost'
  ) THEN
    RAISE EXCEPTION 'a sample that is % cannot become %', OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'sample_transition';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OF status ON samples.sample
  FOR EACH ROW EXECUTE FUNCTION samples.guard_sample();

SELECT spectra.request_table('samples');
