import { expect, test } from "vitest";
import { capabilitiesOf, linesOf, misread } from "./capabilities";

test("capabilities are read line by line", () => {
  const lines = "dc_voltage: -200 to 200 V\nabout 3 A\n";
  expect(capabilitiesOf(lines)).toMatchObject([
    { quantity: "dc_voltage", rangeLow: "-200", rangeHigh: "200", unit: "V", maximumPermissibleError: "" },
  ]);
  expect(misread(lines)).toEqual(["about 3 A"]);
  expect(misread("dc_voltage: 0 to 1,500 V")).toEqual(["dc_voltage: 0 to 1,500 V"]);
});

test("what was stored is the same after an edit that did not touch it", () => {
  const lines =
    "dc_voltage: -200 to 200 V, error 0.02, resolution 0.001\ndc_current: 0 to 1 A, resolution 0.1\nz: 1 to 2 1";
  expect(misread(lines)).toEqual([]);
  expect(linesOf(capabilitiesOf(lines))).toBe(lines);
  expect(capabilitiesOf(lines)[0]).toMatchObject({ maximumPermissibleError: "0.02", resolution: "0.001" });
});
