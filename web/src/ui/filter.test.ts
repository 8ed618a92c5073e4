import { expect, test } from "vitest";
import { all, matches, quoted } from "./filter";

test("words become a condition, whatever is in them", () => {
  expect(matches(' W"1\\ ', "name", "barcode")).toBe('(name:"W\\"1\\\\" OR barcode:"W\\"1\\\\")');
  expect(matches("  ", "name")).toBe("");
  expect(matches(undefined, "name")).toBe("");
});

test("conditions are joined, and those that are not there left out", () => {
  expect(all("a = 1", "", undefined, false, `b = ${quoted("x")}`)).toBe('a = 1 AND b = "x"');
});
