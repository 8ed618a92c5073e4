import { expect, test } from "vitest";
import { type Column, shownOf } from "./ListTable";

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
