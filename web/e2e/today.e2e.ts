// Today: what needs somebody comes up by itself, in one window and in several.
import { expect, test } from "vitest";
import { accessible, picture, settled, watching } from "./browser";
import { script } from "./node";

const unique = (name: string) => `${name}-${Date.now().toString(36)}`;

/** Sets a new sample of this name aside. */
async function aside(name: string): Promise<void> {
  const { samples } = await script("engineer@demo.lab", "eng123");
  const { sample } = await samples.createSample({ sample: { name, materialType: "Si wafer" } });
  await samples.quarantineSample({ id: sample?.id ?? "", reason: "A scratch" });
}

test("what is set aside or submitted comes up on a principal investigator's page at once", async () => {
  const page = await watching("pi", "/", "WatchSamples", "WatchRecipes");
  await settled(page);
  const name = unique("ASIDE");
  await aside(name);
  const quarantine = page.getByRole("region", { name: "Samples in quarantine" });
  await quarantine.getByRole("link", { name }).waitFor({ timeout: 5_000 });

  const { recipes } = await script("engineer@demo.lab", "eng123");
  const model = (await recipes.listRecipes({})).recipes.find((one) => one.approvedVersion)?.approvedVersion;
  const { method = "", params = {} } = model ?? {};
  const id = (await recipes.createRecipe({ recipe: { name, method, params } })).recipe?.id ?? "";
  const { recipe } = await recipes.submitRecipe({ id });
  const reviews = page.getByRole("region", { name: "Recipes that wait for approval" });
  await reviews.getByRole("link", { name: new RegExp(name) }).waitFor({ timeout: 5_000 });
  const pi = await script("pi@demo.lab", "pi123");
  await pi.recipes.rejectRecipe({ id, version: recipe?.latestVersion?.version ?? 0, comment: "Not this one" });
  await reviews.getByRole("link", { name: new RegExp(name) }).waitFor({ state: "hidden", timeout: 5_000 });
});

test("four windows beside each other all show what there is, and what changes", async () => {
  const first = await watching("pi", "/", "WatchSamples");
  const others = await Promise.all([1, 2, 3].map(() => first.context().newPage()));
  await Promise.all(others.map((page) => page.goto(first.url())));
  const pages = [first, ...others];
  for (const page of pages) {
    await page.getByRole("region", { name: "Instruments that cannot be used" }).getByRole("link").nth(1).waitFor();
    await settled(page);
  }
  const name = unique("EACH");
  await aside(name);
  // Without HTTP/2 their connections do not suffice for all: the others ask every 15 s.
  const told = pages.map((page) =>
    page
      .getByRole("region", { name: "Samples in quarantine" })
      .getByRole("link", { name })
      .waitFor({ timeout: 25_000 }),
  );
  await Promise.all(told);
});

test("a box leads to the list of what is in it", async () => {
  const page = await watching("viewer", "/", "WatchRuns");
  for (const [link, states] of [
    ["All under way", "RUNNING.PAUSED"],
    ["All in the queue", "QUEUED.HELD"],
  ] as const) {
    await page.getByRole("link", { name: link }).click();
    await page.getByRole("table", { name: "Runs" }).waitFor();
    await settled(page);
    expect(await page.getByLabel("State", { exact: true }).inputValue()).toBe(states);
    expect(await page.getByRole("alert").count()).toBe(0);
    await page.goBack();
  }
});

test("a recipe of one's own waits for somebody else, where the lab wants four eyes", async () => {
  const admin = await script("admin@demo.lab", "admin123");
  const fourEyes = async (wanted: boolean) => {
    const { policy } = await admin.runs.getPolicy({});
    const changed = { fourEyes: wanted, etag: policy?.etag ?? "" };
    await admin.runs.updatePolicy({ policy: changed, updateMask: { paths: ["four_eyes"] } });
  };
  const { recipes } = await script("pi@demo.lab", "pi123");
  const model = (await recipes.listRecipes({})).recipes.find((one) => one.approvedVersion)?.approvedVersion;
  const { method = "", params = {} } = model ?? {};
  const name = unique("MINE");
  const id = (await recipes.createRecipe({ recipe: { name, method, params } })).recipe?.id ?? "";
  const { recipe } = await recipes.submitRecipe({ id });
  await fourEyes(true);
  try {
    const page = await watching("pi", "/", "WatchRecipes");
    const box = page.getByRole("region", { name: "Recipes that wait for approval" });
    await box.getByText("Yours, for somebody else to approve").waitFor();
    // Below those words, and nowhere above them.
    const told = await box.innerText();
    expect(told.split(name)).toHaveLength(2);
    expect(told.indexOf("Yours, for somebody else")).toBeLessThan(told.indexOf(name));
    await accessible(page);
    await picture(page, "today-four-eyes");
    await box.getByRole("link", { name: new RegExp(name) }).click();
    const approve = page.getByRole("main").getByRole("button", { name: "Approve" });
    await expect.poll(() => approve.getAttribute("aria-disabled")).toBe("true");
    await fourEyes(false);
    await page.reload();
    await expect.poll(() => approve.getAttribute("aria-disabled")).toBe(null);
    await page.getByRole("link", { name: "Today" }).click();
    await box.getByRole("link", { name: new RegExp(name) }).waitFor();
    expect(await box.getByText("Yours, for somebody else to approve").count()).toBe(0);
  } finally {
    await fourEyes(false);
    const version = recipe?.latestVersion?.version ?? 0;
    await recipes.rejectRecipe({ id, version, comment: "A test's" });
  }
});
