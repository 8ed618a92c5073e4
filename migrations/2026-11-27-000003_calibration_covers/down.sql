DROP TRIGGER stamp_service ON calibration.instrument;
DROP FUNCTION calibration.stamp_service_after_uses();
DROP TRIGGER stamp_revocation ON calibration.calibration;
DROP FUNCTION calibration.stamp_revocation_after_uses();
DROP TRIGGER stamp_covers ON calibration.calibration;
DROP FUNCTION calibration.stamp_covers();
DROP FUNCTION calibration.abilities(uuid, uuid, text[]);
ALTER TABLE calibration.calibration DROP COLUMN covers;
