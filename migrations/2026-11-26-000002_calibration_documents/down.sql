DROP TABLE calibration.document;
DROP FUNCTION calibration.check_document();
