import { readFileSync } from "node:fs";
import { create, fromJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { CalibrationSchema } from "../../gen/spectra/calibration/v1/calibration_pb";
import { InstrumentSchema } from "../../gen/spectra/calibration/v1/instrument_pb";
import { MethodSchema } from "../../gen/spectra/runs/v1/method_pb";
import { demandsOf, outsideOf } from "./demands";

/** A method as its file and the server have it. */
const methodOf = (code: string) => {
  const { sweep: _, ...method } = JSON.parse(readFileSync(`../services/runs/src/methods/${code}.json`, "utf8"));
  return fromJson(MethodSchema, { code, ...method });
};
const demands = (method: string, params = {}) => demandsOf(methodOf(method), params);
const demand = (quantity: string, low: number, high: number, unit: string) => ({ quantity, low, high, unit });

test("an instrument is taken through what the server's tests say", () => {
  expect(demands("iv_sweep", { vgs_start: 1, vgs_stop: 3, vgs_step: 0.05, vds: -5 })).toEqual([
    demand("dc_voltage", -5, 3, "V"),
    demand("dc_current", -0.1, 0.1, "A"),
  ]);
  expect(demands("iv_sweep", { vgs_start: 1, vgs_stop: 3, vgs_step: 0.05, compliance: 0.01 })).toEqual([
    demand("dc_voltage", 0, 5, "V"),
    demand("dc_current", -0.01, 0.01, "A"),
  ]);
  expect(demands("diode_iv", { voltage_start: 0.8, voltage_stop: -1 })).toEqual([
    demand("dc_voltage", -1, 0.8, "V"),
    demand("dc_current", -0.1, 0.1, "A"),
  ]);
  expect(demands("cv_sweep", { bias_start: -5, bias_stop: 5, frequency: 1e6 })).toEqual([
    demand("dc_voltage", -5, 5, "V"),
    demand("frequency", 1e6, 1e6, "Hz"),
  ]);
  expect(demands("hall_vdp")).toEqual([
    demand("dc_current", -0.001, 0.001, "A"),
    demand("magnetic_flux_density", -0.5, 0.5, "T"),
  ]);
  expect(demands("ellipsometry")).toEqual([demand("wavelength", 400, 1000, "nm")]);
});

test("what is not entered yet, or is no number, is no demand", () => {
  expect(demands("diode_iv", { voltage_start: 300, voltage_stop: "abc" })[0]).toEqual(
    demand("dc_voltage", 300, 300, "V"),
  );
  expect(demands("cv_sweep").map(({ quantity }) => quantity)).toEqual(["frequency"]);
});

test("a run stays within what the instrument can do and its certificate covers, or is told where not", () => {
  const quantity = "dc_voltage";
  const capabilities = [{ quantity, rangeLow: "-1100", rangeHigh: "1100", unit: "V" }];
  const instrument = create(InstrumentSchema, { capabilities });
  const covering = (...covers: { low: string; high: string; unit: string }[]) =>
    create(CalibrationSchema, {
      certificateId: "C-10",
      covers: covers.map((range) => ({ quantity, ...range })),
    });
  const told = (low: number, high: number, certificate = covering({ low: "-200", high: "200", unit: "V" })) =>
    outsideOf([demand(quantity, low, high, "V")], instrument, certificate);
  expect(told(-200, 200)).toEqual([]);
  expect(told(0, 250)).toEqual(["dc voltage from 0 to 250 V: certificate C-10 covers from -200 to 200 V."]);
  expect(told(250, 250)).toEqual(["dc voltage of 250 V: certificate C-10 covers from -200 to 200 V."]);
  expect(told(0, 2000)).toEqual(["dc voltage from 0 to 2000 V: the instrument goes from -1100 to 1100 V."]);
  expect(told(0, 1, covering())).toEqual(["dc voltage from 0 to 1 V: certificate C-10 does not cover it."]);
  expect(told(0, 1, covering({ low: "0", high: "9", unit: "mV" }))).toHaveLength(1);
  expect(outsideOf([demand("dc_current", 0, 1, "A")], instrument, covering())).toEqual([
    "dc current from 0 to 1 A: the instrument has no such capability.",
  ]);
});
