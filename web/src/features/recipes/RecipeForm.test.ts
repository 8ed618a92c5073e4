import { expect, test } from "vitest";
import { limitsOf } from "./RecipeForm";

test("limits are read line by line", () => {
  expect(limitsOf("vgs_stop: 0 to 2\n\n vds : -1e-3 to 5 ")).toEqual([
    { param: "vgs_stop", low: 0, high: 2 },
    { param: "vds", low: -0.001, high: 5 },
  ]);
});

test("a line that is no limit is told", () => {
  expect(limitsOf("vgs_stop: 0 to two")).toBe("“vgs_stop: 0 to two” is not like vgs_stop: 0 to 2");
});
