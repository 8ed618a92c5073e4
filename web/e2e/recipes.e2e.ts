// Recipes: written by two, approved, and taken out of use.
import type { Page } from "playwright-core";
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

const main = (page: Page, verb: string) => page.getByRole("main").getByRole("button", { name: verb, exact: true });
const state = (page: Page, name: string) =>
  page
    .getByText(new RegExp(`^\\W*${name}$`))
    .first()
    .waitFor();

/** Takes a step, with what is said about it. */
async function step(page: Page, verb: string, label?: string, words = ""): Promise<void> {
  await main(page, verb).click();
  const dialog = page.getByRole("dialog");
  if (label) await dialog.getByLabel(label).fill(words);
  await dialog.getByRole("button", { name: `${verb} recipe` }).click();
  await dialog.waitFor({ state: "hidden" });
}

test("a recipe is submitted by its author, sent back with what is wrong, mended, and approved by another", async () => {
  const { recipes } = await script("engineer@demo.lab", "eng123");
  const id = await drafted();
  const author = await watching("engineer", `/recipes/${id}`, "WatchRecipes");
  const technician = await as("technician", `/recipes/${id}`);
  await state(technician, "Draft");
  await expect.poll(() => main(technician, "Submit").getAttribute("aria-disabled")).toBe("true");
  await step(author, "Submit");
  await state(author, "In review");
  // It is another's now.
  for (const verb of ["Edit", "Approve", "Reject"])
    await expect.poll(() => main(author, verb).getAttribute("aria-disabled"), { message: verb }).toBe("true");

  const pi = await as("pi", `/recipes/${id}`);
  await main(pi, "Reject").click();
  await pi.getByRole("dialog").getByRole("button", { name: "Reject recipe" }).click();
  // Nothing was said: the question is still there.
  const wrong = pi.getByLabel("What is wrong with it");
  expect(await wrong.evaluate((field: HTMLTextAreaElement) => field.validity.valueMissing)).toBe(true);
  await wrong.fill("The sweep is too short");
  await pi.getByRole("dialog").getByRole("button", { name: "Reject recipe" }).click();
  await pi.getByRole("dialog").waitFor({ state: "hidden" });

  await author.getByRole("alert").getByText("The sweep is too short").waitFor();
  await state(author, "Draft");
  await main(author, "Edit").click();
  await author.getByLabel("Comment").fill("Longer");
  await author.getByRole("button", { name: "Save", exact: true }).click();
  await step(author, "Submit");
  await state(pi, "In review");
  await step(pi, "Approve", "Comment", "Now it is right");
  await state(author, "Approved");
  const versions = author.getByRole("table", { name: "Versions" });
  await versions.getByRole("row", { name: /Approved.*Petra Investigator.*Now it is right/ }).waitFor();
  expect((await recipes.getRecipe({ id })).recipe?.approvedVersion?.comment).toBe("Longer");
});

test("any two versions of a recipe are compared side by side", async () => {
  const { recipes } = await script("engineer@demo.lab", "eng123");
  const id = await approved();
  const { recipe } = await recipes.updateRecipe({
    recipe: { id, comment: "Second" },
    updateMask: { paths: ["comment"] },
  });
  expect(recipe?.latestVersion?.version).toBe(2);
  const page = await as("viewer", `/recipes/${id}`);
  const table = page.getByRole("table", { name: "Compared" });
  const heads = () => table.getByRole("columnheader").allInnerTexts();
  await expect.poll(heads).toEqual(["What", "Version 1", "Version 2"]);
  await table.getByRole("row", { name: /^comment – Second \(changed\)$/ }).waitFor();
  // What is alike is not called changed.
  expect(await table.getByText("(changed)").count()).toBe(1);
  const choose = (label: string, name: string) => page.getByLabel(label, { exact: true }).selectOption({ label: name });
  await choose("Compare", "version 2, draft");
  await expect.poll(heads).toEqual(["What", "Version 2"]);
  await choose("With", "version 1, approved");
  await expect.poll(heads).toEqual(["What", "Version 2", "Version 1"]);
  await table.getByRole("row", { name: /^comment Second – \(changed\)$/ }).waitFor();
});

test("where the policy wants four eyes, nobody approves a recipe of their own", async () => {
  const admin = await script("admin@demo.lab", "admin123");
  const wants = async (fourEyes: boolean) => {
    const { policy } = await admin.runs.getPolicy({});
    const update = { fourEyes, etag: policy?.etag ?? "" };
    await admin.runs.updatePolicy({ policy: update, updateMask: { paths: ["four_eyes"] } });
  };
  const { recipes } = await script("pi@demo.lab", "pi123");
  const model = (await recipes.getRecipe({ id: await drafted() })).recipe;
  const { method = "", params = {} } = model ?? {};
  const made = await recipes.createRecipe({ recipe: { name: unique("Own"), method, params } });
  const id = made.recipe?.id ?? "";
  await wants(true);
  try {
    const own = await as("pi", `/recipes/${id}`);
    await step(own, "Submit");
    await expect.poll(() => main(own, "Approve").getAttribute("aria-disabled")).toBe("true");
    await main(own, "Approve").hover();
    await own.getByRole("tooltip").getByText("wants somebody else").waitFor();
    const other = await as("admin", `/recipes/${id}`);
    await step(other, "Approve", "Comment", "Seen by another");
    await state(other, "Approved");
    await state(own, "Approved");
  } finally {
    await wants(false);
  }
});
