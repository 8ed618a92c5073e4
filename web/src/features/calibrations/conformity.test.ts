import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { CalibrationSchema, Conformity } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { accepting, isUnfit } from "./conformity";

const { UNSPECIFIED, IN_TOLERANCE, OUT_OF_TOLERANCE } = Conformity;

test("what counts is how the instrument was handed back", () => {
  expect(isUnfit({ asFound: OUT_OF_TOLERANCE, adjusted: false, asLeft: UNSPECIFIED })).toBe(true);
  expect(isUnfit({ asFound: OUT_OF_TOLERANCE, adjusted: true, asLeft: IN_TOLERANCE })).toBe(false);
  expect(isUnfit({ asFound: OUT_OF_TOLERANCE, adjusted: true, asLeft: UNSPECIFIED })).toBe(false);
  expect(isUnfit({ asFound: IN_TOLERANCE, adjusted: true, asLeft: OUT_OF_TOLERANCE })).toBe(true);
  expect(isUnfit({ asFound: UNSPECIFIED, adjusted: false, asLeft: UNSPECIFIED })).toBe(false);
});

test("who accepts a certificate is told what comes of this one", () => {
  const now = Date.parse("2026-11-28T12:00:00Z");
  const of = (validFrom: string, asFound: Conformity) =>
    accepting(create(CalibrationSchema, { validFrom: timestampFromDate(new Date(validFrom)), asFound }), now);
  expect(of("2026-11-28T12:00:00Z", IN_TOLERANCE)).toBe(m.calibrations_from_now_on_runs_can_rest());
  expect(of("2026-11-29T00:00:00Z", IN_TOLERANCE)).toBe(m.calibrations_once_it_is_valid_runs_can_rest());
  expect(of("2026-11-28T00:00:00Z", OUT_OF_TOLERANCE)).toBe(m.calibrations_from_now_on_no_run_starts());
  // Such a one was entered by an older server.
  expect(of("2026-11-29T00:00:00Z", OUT_OF_TOLERANCE)).toBe(m.calibrations_from_now_on_no_run_starts());
});
