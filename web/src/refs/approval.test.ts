import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RecipeSchema } from "../gen/spectra/runs/v1/recipe_pb";
import { isTheirs } from "./approval";

test("a version is of whoever edited or submitted it, and not of whoever began an earlier one", () => {
  const latestVersion = { version: 2, authorId: "ben", authorIds: ["bea", "ben"], submittedBy: "cy" };
  const recipe = create(RecipeSchema, { createdBy: "ann", latestVersion });
  expect(["ann", "bea", "ben", "cy", "dee"].filter((who) => isTheirs(recipe, who))).toEqual(["bea", "ben", "cy"]);
  expect(isTheirs(create(RecipeSchema), "")).toBe(false);
});
