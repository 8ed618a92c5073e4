import { expect, test } from "vitest";
import { all, type Column, matches, quoted, shownOf } from "./ListTable";

test("words become a condition, whatever is in them", () => {
  expect(matches(' W"1\\ ', "name", "barcode")).toBe('(name:"W\\"1\\\\" OR barcode:"W\\"1\\\\")');
  expect(matches("  ", "name")).toBe("");
  expect(matches(undefined, "name")).toBe("");
});

test("conditions are joined, and those that are not there left out", () => {
  expect(all("a = 1", "", undefined, false, `b = ${quoted("x")}`)).toBe('a = 1 AND b = "x"');
});

test("columns are shown that were chosen, in their own order, or else those that there is room for", () => {
  const columns: Column<object>[] = ["name", "lot", "status"].map((name) => ({
    name,
    title: name,
    wide: name === "lot",
    cell: () => name,
  }));
  const shown = (chosen: string | undefined, narrow: boolean) =>
    shownOf(columns, chosen, narrow).map(({ name }) => name);
  expect(shown(undefined, false)).toEqual(["name", "lot", "status"]);
  expect(shown(undefined, true)).toEqual(["name", "status"]);
  expect(shown("status.lot", true)).toEqual(["lot", "status"]);
  // An address with columns of another release still shows something.
  expect(shown("gone", false)).toEqual(["name", "lot", "status"]);
});
