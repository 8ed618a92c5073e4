import { Conformity } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";

/** What a certificate says of the instrument, as people read it. */
export const CONFORMITY: Record<Conformity, string> = {
  [Conformity.UNSPECIFIED]: m.calibrations_not_stated(),
  [Conformity.IN_TOLERANCE]: m.calibrations_in_tolerance(),
  [Conformity.OUT_OF_TOLERANCE]: m.calibrations_out_of_tolerance(),
};
