// Today: what needs somebody comes up by itself, in one window and in several.
import { expect, test } from "vitest";
import { accessible, picture, settled, watching } from "./browser";
import { certificate, demoRecipe, instrument, queue, review, script } from "./node";

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

test("a run that others queue, start and complete goes from box to box, and a certificate's end is told", async () => {
  const name = unique("LIVE");
  const instrumentId = await instrument(name);
  const calibrationId = await certificate(instrumentId, `${name}-1`);
  const version = await demoRecipe();
  const page = await watching("viewer", "/", "WatchRuns", "WatchCalibrationStatus");
  await settled(page);
  const SOON = { timeout: 5_000 };
  const box = (title: string) => page.getByRole("region", { name: title });
  const of = (title: string, sample: string) => box(title).getByRole("link", { name: sample, exact: true });
  const { runs } = await script("tech@demo.lab", "tech123");
  const [one, two] = [`${name}-A`, `${name}-B`];
  const id = await queue(instrumentId, one, version);
  await of("In the queue", one).waitFor(SOON);
  expect(await of("Under way", one).count()).toBe(0);
  await runs.startRun({ id });
  await of("Under way", one).waitFor(SOON);
  await of("In the queue", one).waitFor({ state: "hidden", ...SOON });
  await runs.completeRun({ id });
  await of("Under way", one).waitFor({ state: "hidden", ...SOON });
  expect(await of("In the queue", one).count()).toBe(0);
  const cancelled = await queue(instrumentId, two, version);
  await of("In the queue", two).waitFor(SOON);
  const engineer = await script("engineer@demo.lab", "eng123");
  await engineer.runs.cancelRun({ id: cancelled, reason: "Entered twice" });
  await of("In the queue", two).waitFor({ state: "hidden", ...SOON });

  const useless = box("Instruments by calibration");
  const line = useless.locator("div", { has: page.getByRole("link", { name: new RegExp(`^${name}`) }) }).last();
  expect(await line.count()).toBe(0);
  const { calibrations } = await script("pi@demo.lab", "pi123");
  await calibrations.revokeCalibration({ id: calibrationId, comment: "The reference was wrong" });
  await line.getByText(/^\W*Revoked$/).waitFor(SOON);
  await certificate(instrumentId, `${name}-2`);
  await line.waitFor({ state: "hidden", ...SOON });
});

test("a certificate that is entered waits on Today until somebody has reviewed it", async () => {
  await review(true);
  try {
    const name = unique("DRAFT");
    const instrumentId = await instrument(name);
    const page = await watching("pi", "/", "WatchCalibrationStatus");
    await settled(page);
    const waiting = page
      .getByRole("region", { name: "Certificates that wait for review" })
      .getByRole("link", { name: `${name}-1`, exact: true });
    const useless = page
      .getByRole("region", { name: "Instruments by calibration" })
      .getByRole("link", { name: new RegExp(`^${name}`) });
    await useless.waitFor();
    const id = await certificate(instrumentId, `${name}-1`);
    // No watch tells of drafts: they are asked for every 15 s.
    await waiting.waitFor({ timeout: 25_000 });
    expect(await useless.count()).toBe(1);
    const { calibrations } = await script("admin@demo.lab", "admin123");
    await calibrations.acceptCalibration({ id });
    await waiting.waitFor({ state: "hidden", timeout: 5_000 });
    await useless.waitFor({ state: "hidden", timeout: 5_000 });
  } finally {
    await review(false);
  }
});

test("four windows beside each other all show what there is, and what changes", async () => {
  const first = await watching("pi", "/", "WatchSamples");
  const others = await Promise.all([1, 2, 3].map(() => first.context().newPage()));
  await Promise.all(others.map((page) => page.goto(first.url())));
  const pages = [first, ...others];
  for (const page of pages) {
    await page.getByRole("region", { name: "Instruments by calibration" }).getByRole("link").nth(1).waitFor();
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
