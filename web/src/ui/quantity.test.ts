import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { QuantitySchema } from "../gen/spectra/common/v1/quantity_pb";
import { isQuantity, quantityOf, quantityText } from "./quantity";

test("an amount is read as it is written, digit by digit", () => {
  expect(quantityOf(" 12.50 mg ")).toEqual({ value: "12.50", unit: "mg" });
  expect(quantityOf("12.50 ± 0.05 mg (k=2)")).toEqual({
    value: "12.50",
    unit: "mg",
    expandedUncertainty: "0.05",
    coverageFactor: "2",
  });
  expect(quantityOf("3 +/- 1")).toEqual({ value: "3", unit: "1", expandedUncertainty: "1" });
  expect(quantityOf("-0.10 m/s2")).toEqual({ value: "-0.10", unit: "m/s2" });
});

test("a unit's parentheses are told from those of k", () => {
  expect(quantityOf("5 umol/(m2.s)")).toEqual({ value: "5", unit: "umol/(m2.s)" });
  expect(quantityOf("5 umol/(m2.s) (k = 2)")).toEqual({ value: "5", unit: "umol/(m2.s)", coverageFactor: "2" });
  expect(quantityOf("7 10*6/(uL)")).toEqual({ value: "7", unit: "10*6/(uL)" });
  expect(quantityOf("3 (k=2)")).toEqual({ value: "3", unit: "1", coverageFactor: "2" });
});

test("what is written of an amount is the same amount again", () => {
  for (const stored of [
    { value: "12.50", unit: "mg" },
    { value: "3", unit: "1", expandedUncertainty: "1" },
    { value: "0.10", unit: "cm2", expandedUncertainty: "0.010", coverageFactor: "2.0" },
    { value: "5", unit: "umol/(m2.s)", expandedUncertainty: "1", coverageFactor: "2" },
    { value: "3", unit: "1", expandedUncertainty: "1", coverageFactor: "2" },
  ])
    expect(quantityOf(quantityText(create(QuantitySchema, stored)))).toEqual(stored);
});

test("what is no amount is told from nothing", () => {
  expect(["", "  ", "12 mg"].map(isQuantity)).toEqual([true, true, true]);
  expect(["about 12 mg", "12,5 mg", "12 mg and more", "± 2"].map(isQuantity)).toEqual([false, false, false, false]);
  // The contract's units are ASCII.
  expect(["3 µm", "3 mg (k = two)"].map(isQuantity)).toEqual([false, false]);
});
