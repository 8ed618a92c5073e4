import { Alert, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Instrument } from "../../gen/spectra/calibration/v1/instrument_pb";
import { calibrationQuery } from "../../refs/refs";
import { isFit, statusQuery } from "../../refs/Standing";
import { wordsOf } from "../../ui/reasons";
import { type Demand, outsideOf } from "./demands";

/** Says where a run would leave what the instrument's calibration in force covers, and what lifts that. */
export function Scope({ instrument, demands }: { instrument: Instrument; demands: Demand[] }) {
  const status = useQuery(statusQuery(instrument.id)).data;
  const calibrationId = status && isFit(status) ? status.calibrationId : "";
  const calibration = useQuery({ ...calibrationQuery(calibrationId), enabled: calibrationId !== "" });
  const outside = calibration.data ? outsideOf(demands, instrument, calibration.data) : [];
  const { title, advice } = wordsOf("CALIBRATION_SCOPE");
  return (
    // There before it says something, so that it is heard.
    <div role="status">
      {outside.length > 0 && (
        <Alert role="presentation" color="yellow" title={title}>
          {outside.map((line) => (
            <Text key={line} size="sm">
              {line}
            </Text>
          ))}
          <Text size="sm" mt="xs">
            {advice}
          </Text>
        </Alert>
      )}
    </div>
  );
}
