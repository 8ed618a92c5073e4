// A run is made: of a sample that is scanned, and of a recipe.
import { expect, test } from "vitest";
import { as } from "./browser";
import { script } from "./node";

const unique = (name: string) => `${name}-${Date.now().toString(36)}`;

test("a scan on the form of a run chooses its sample, or says why not", async () => {
  const { samples } = await script("engineer@demo.lab", "eng123");
  const page = await as("engineer", "/runs/new");
  const field = page.getByLabel("Find a sample");
  // A scanner ends its code with Enter, long before a list could follow.
  await field.fill("SPL-000031");
  await field.press("Enter");
  const sample = page.getByRole("combobox", { name: "Sample", exact: true });
  await expect.poll(() => sample.inputValue()).not.toBe("");

  await field.fill(unique("NOBODYS"));
  await field.press("Enter");
  await page.getByText("No sample has").waitFor();

  const barcode = unique("ASIDE");
  const made = await samples.createSample({ sample: { name: barcode, materialType: "Si wafer", barcode } });
  await samples.quarantineSample({ id: made.sample?.id ?? "", reason: "A scratch" });
  await field.fill(barcode);
  await field.press("Enter");
  await page.getByText(`${barcode} is quarantined.`).waitFor();
});

test("of a recipe, only what its limits leave open can be changed", async () => {
  const page = await as("engineer", "/runs/new");
  const recipe = page.getByLabel("Recipe");
  await recipe.locator("option", { hasText: "2N7000 transfer curve" }).waitFor({ state: "attached" });
  await recipe.selectOption({ label: (await recipe.locator("option").nth(1).textContent()) ?? "" });
  await page.getByText("fixed by the recipe").first().waitFor();
  expect(await page.getByLabel("vgs start").getAttribute("readonly")).not.toBeNull();
  expect(await page.getByLabel("vgs stop").getAttribute("readonly")).toBeNull();
});
