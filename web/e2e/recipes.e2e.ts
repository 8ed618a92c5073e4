// Recipes: written by two, approved, and taken out of use.
import { expect, test } from "vitest";
import { as, expectProblems, watching } from "./browser";
import { script } from "./node";

const unique = (name: string) => `${name}-${Date.now().toString(36)}`;

/** A draft, as an approved one of the demo laboratory is. */
async function drafted(): Promise<string> {
  const { recipes } = await script("engineer@demo.lab", "eng123");
  const model = (await recipes.listRecipes({})).recipes.find((one) => one.approvedVersion)?.approvedVersion;
  const { method = "", params = {} } = model ?? {};
  return (await recipes.createRecipe({ recipe: { name: unique("Recipe"), method, params } })).recipe?.id ?? "";
}

async function approved(): Promise<string> {
  const id = await drafted();
  const { recipes } = await script("engineer@demo.lab", "eng123");
  const { recipe } = await recipes.submitRecipe({ id });
  const pi = await script("pi@demo.lab", "pi123");
  await pi.recipes.approveRecipe({ id, version: recipe?.latestVersion?.version ?? 0 });
  return id;
}

test("two people edit one recipe: the second is told, and decides", async () => {
  expectProblems(/status of 409/);
  const { recipes } = await script("engineer@demo.lab", "eng123");
  const id = await drafted();
  const page = await watching("engineer", `/recipes/${id}`, "WatchRecipes");
  await page.getByRole("main").getByRole("button", { name: "Edit" }).click();
  const mine = unique("Mine");
  await page.getByLabel("Name").fill(mine);
  const { etag = "", name } = (await recipes.getRecipe({ id })).recipe ?? {};
  // What is behind the form is read anew; the form stays with what it began with.
  const renewed = page.waitForResponse(/RecipesService\/GetRecipe$/);
  await recipes.updateRecipe({ recipe: { id, etag, comment: "Theirs" }, updateMask: { paths: ["comment"] } });
  await renewed;
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Comment: stored is").waitFor();
  expect((await recipes.getRecipe({ id })).recipe).toMatchObject({ name, comment: "Theirs" });
  await page.getByLabel("Comment").fill("Ours");
  await page.getByRole("button", { name: "Keep mine, then save" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { level: 1, name: mine }).waitFor();
  expect((await recipes.getRecipe({ id })).recipe).toMatchObject({ name: mine, comment: "Ours" });
});

test("an approved recipe is retired also where a newer version has been begun", async () => {
  const { recipes } = await script("engineer@demo.lab", "eng123");
  const id = await approved();
  await recipes.updateRecipe({ recipe: { id, comment: "Begun" }, updateMask: { paths: ["comment"] } });
  const page = await as("pi", `/recipes/${id}`);
  const retire = page.getByRole("main").getByRole("button", { name: "Retire" });
  await retire.click();
  await page.getByRole("dialog").getByLabel("Why").fill("Its sensor is gone");
  await page.getByRole("dialog").getByRole("button", { name: "Retire recipe" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await retire.waitFor({ state: "hidden" });
  expect((await recipes.getRecipe({ id })).recipe?.approvedVersion).toBeUndefined();
});

test("a new run from a recipe's page is of that recipe", async () => {
  const { recipes } = await script("engineer@demo.lab", "eng123");
  const id = await approved();
  const version = (await recipes.getRecipe({ id })).recipe?.approvedVersion;
  const page = await as("engineer", `/recipes/${id}`);
  await page.getByRole("button", { name: "New run" }).click();
  await expect.poll(() => page.getByLabel("Recipe").inputValue()).toBe(version?.id);
  await page.getByText("fixed by the recipe").first().waitFor();
  const [name = "", value] = Object.entries(version?.params ?? {})[0] ?? [];
  expect(await page.getByLabel(name.replaceAll("_", " ")).inputValue()).toBe(String(value));
});

test("who may not write recipes is told so on the form, however it was reached", async () => {
  const page = await as("viewer", "/recipes/new");
  const save = page.getByRole("button", { name: "Save as draft" });
  await expect.poll(() => save.getAttribute("aria-disabled")).toBe("true");
});
