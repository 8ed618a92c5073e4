import { useQuery } from "@tanstack/react-query";
import type { Instrument } from "../../gen/spectra/calibration/v1/instrument_pb";
import { FOLLOWED } from "../../rpc/query";
import { rpc } from "../../rpc/transport";
import { quoted } from "../../ui/filter";
import { capabilitiesOf, linesOf } from "./capabilities";

export const key = ["instruments"];

export function useInstrument(id: string) {
  return useQuery({
    ...FOLLOWED,
    queryKey: [...key, id],
    queryFn: async ({ signal }) => (await rpc.instruments.getInstrument({ id }, { signal })).instrument,
  });
}

/** Its certificates, the latest first. */
export function useCertificates(instrumentId: string) {
  return useQuery({
    ...FOLLOWED,
    queryKey: ["calibrations", "of", instrumentId],
    queryFn: async ({ signal }) =>
      (
        await rpc.calibrations.listCalibrations(
          { filter: `instrument_id = ${quoted(instrumentId)}`, orderBy: "valid_from desc", pageSize: 100 },
          { signal },
        )
      ).calibrations,
  });
}

/** What is typed about an instrument. */
export interface Values {
  assetCode: string;
  manufacturer: string;
  model: string;
  serialNumber: string;
  firmware: string;
  location: string;
  /** Codes of the methods that it is used for; none for any. */
  methods: string[];
  /** A whole number, or nothing. */
  calibrationIntervalDays: string;
  /** A line each, `dc_voltage: -200 to 200 V, error 0.02`. */
  capabilities: string;
}

export const NONE: Values = {
  assetCode: "",
  manufacturer: "",
  model: "",
  serialNumber: "",
  firmware: "",
  location: "",
  methods: [],
  calibrationIntervalDays: "",
  capabilities: "",
};

export function valuesOf(instrument: Instrument): Values {
  const { assetCode, manufacturer, model, serialNumber, firmware, location, methods } = instrument;
  return {
    assetCode,
    manufacturer,
    model,
    serialNumber,
    firmware,
    location,
    methods,
    calibrationIntervalDays: instrument.calibrationIntervalDays ? String(instrument.calibrationIntervalDays) : "",
    capabilities: linesOf(instrument.capabilities),
  };
}

export function messageOf({ calibrationIntervalDays, capabilities, ...values }: Values) {
  return {
    ...values,
    calibrationIntervalDays: Number(calibrationIntervalDays),
    capabilities: capabilitiesOf(capabilities),
  };
}
