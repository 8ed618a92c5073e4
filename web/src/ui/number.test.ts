import { expect, test } from "vitest";
import { numberOf, twoOf } from "./number";

test("a number is read as it is written, with a point or with a comma", () => {
  for (const [text, number] of [
    ["1500", 1500],
    [" -1.5e-3 ", -0.0015],
    [".5", 0.5],
    ["2,5", 2.5],
    ["0,500", 0.5],
    ["12,3456", 12.3456],
    ["1,500.25", 1500.25],
    ["1,234,567", 1_234_567],
  ] as const)
    expect(numberOf(text), text).toBe(number);
});

test("what could be two numbers is neither, and is told with both", () => {
  expect(numberOf("1,500")).toBeUndefined();
  expect(twoOf("1,500")).toEqual({ thousands: "1500", fraction: "1.5" });
  expect(twoOf("-12,345")).toEqual({ thousands: "-12345", fraction: "-12.345" });
});

test("what is no number is none", () => {
  for (const text of ["", "x", "1.500,5", "1,2,3", "0x10", "Infinity", "1 500"]) {
    expect(numberOf(text), text).toBeUndefined();
    expect(twoOf(text), text).toBeUndefined();
  }
});
