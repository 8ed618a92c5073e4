import { type Calibration, Conformity } from "../../gen/spectra/calibration/v1/calibration_pb";
import { m } from "../../gen/words/messages";
import { isPast } from "../../ui/Time";

/** What a certificate says of the instrument, as people read it. */
export const CONFORMITY: Record<Conformity, string> = {
  [Conformity.UNSPECIFIED]: m.calibrations_not_stated(),
  [Conformity.IN_TOLERANCE]: m.calibrations_in_tolerance(),
  [Conformity.OUT_OF_TOLERANCE]: m.calibrations_out_of_tolerance(),
};

type Findings = Pick<Calibration, "asFound" | "asLeft" | "adjusted">;

/** Whether it locks the instrument: by how that was left where it was adjusted, by how it was found elsewhere. */
export function isUnfit({ asFound, asLeft, adjusted }: Findings): boolean {
  return (adjusted ? asLeft : asFound) === Conformity.OUT_OF_TOLERANCE;
}

/** What it means to accept it. */
export function accepting(calibration: Calibration, now = Date.now()): string {
  if (isUnfit(calibration)) return m.calibrations_from_now_on_no_run_starts();
  return calibration.validFrom && !isPast(calibration.validFrom, now)
    ? m.calibrations_once_it_is_valid_runs_can_rest()
    : m.calibrations_from_now_on_runs_can_rest();
}
