// A run is made: of a sample that is scanned, and of a recipe.

import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { accessible, as, expectProblems, named, watching } from "./browser";
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

test("a check of a locked instrument is for who leads, and starts", async () => {
  const { samples } = await script("engineer@demo.lab", "eng123");
  const barcode = unique("CHECK");
  await samples.createSample({ sample: { name: barcode, materialType: "Reference wafer", barcode } });
  const engineer = await as("engineer", "/runs/new");
  await engineer.getByLabel("Find a sample").waitFor();
  expect(await engineer.getByLabel("Purpose").count()).toBe(0);

  const page = await as("pi", "/runs/new");
  await page.getByLabel("Find a sample").fill(barcode);
  await page.getByLabel("Find a sample").press("Enter");
  const instrument = page.getByRole("combobox", { name: "Instrument", exact: true });
  await instrument.locator("option", { hasText: "LS-8404-01" }).waitFor({ state: "attached" });
  const hall = (await instrument.locator("option", { hasText: "LS-8404-01" }).textContent()) ?? "";
  await instrument.selectOption({ label: hall });
  await page.getByText("No run can start on it").waitFor();
  await page.getByLabel("Purpose").selectOption({ label: "Intermediate check" });
  await page.getByText("never counts as a result").waitFor();
  expect(await page.getByText("No run can start on it").count()).toBe(0);
  const method = page.getByRole("combobox", { name: "Method" });
  await method.locator("option").nth(1).waitFor({ state: "attached" });
  await method.selectOption({ index: 1 });
  for (const field of await page.getByRole("region", { name: "Parameters" }).getByRole("textbox").all())
    if ((await field.getAttribute("required")) !== null) await field.fill("0.001");
  await accessible(page);
  await named(page);
  await page.getByRole("button", { name: "Queue the run" }).click();
  await page.getByText("Intermediate check").waitFor();
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Start run" }).click();
  await page.getByText("exempt: a check of the instrument itself").waitFor();
});

test("a run says by name what it rests on, and its parameters with their units", async () => {
  const { runs, recipes } = await script("engineer@demo.lab", "eng123");
  const { runs: made } = await runs.listRuns({ filter: "state = SUCCEEDED", pageSize: 100 });
  const done = made.find((one) => one.grants.some((grant) => grant.calibrationId));
  const version = (await recipes.listRecipes({})).recipes.find((one) => one.approvedVersion)?.approvedVersion;
  const { run } = await runs.createRun({
    run: {
      sampleId: done?.sampleId ?? "",
      instrumentId: done?.instrumentId ?? "",
      recipeVersionId: version?.id ?? "",
    },
  });
  const page = await as("engineer", `/runs/${run?.id}`);
  await page.getByRole("link", { name: /, version \d+$/ }).waitFor();

  const { sampleId = "", instrumentId = "", method = "", params, streams = [] } = done ?? {};
  const columns = (streams[0]?.columns ?? []).map(({ name, unit }) => ({ name, unit, values: [1, 2, 3, 2, 1] }));
  for (const _ of ["once", "twice"]) {
    const again = (await runs.createRun({ run: { sampleId, instrumentId, method, params } })).run;
    const { run: started } = await runs.startRun({ id: again?.id ?? "" });
    await runs.appendDataChunk({ runId: started?.id ?? "", columns });
    await runs.completeRun({ id: started?.id ?? "" });
  }
  await page.goto(`/runs/${done?.id}`);
  await page
    .getByRole("link", { name: /^(CAL|[A-Z])[\w-]+\d$/ })
    .first()
    .waitFor();
  await page
    .getByText(/\((V|A|s|m|K|T|Ohm|mm|nm)\)/)
    .first()
    .waitFor();
  await page.getByRole("button", { name: "Logarithmic across" }).click();
  await page.getByText("Absolute values").waitFor();
  const over = page.getByLabel("Overlay");
  await over.locator("option").nth(2).waitFor({ state: "attached" });
  const runsLaidOver = page.getByRole("button", { name: /^Take away / });
  // They went forth and back.
  const legs = page.getByText(/, leg 2$/);
  for (const [count, nth] of [1, 2].entries()) {
    await over.selectOption({ index: 1 });
    await expect.poll(() => runsLaidOver.count()).toBe(nth);
    await expect.poll(() => legs.count()).toBe(count + 1);
  }
  await runsLaidOver.first().click();
  await expect.poll(() => legs.count()).toBe(1);
  await accessible(page);
  await named(page);
});

test("the runs of a sample are found by its name or barcode", async () => {
  const { runs, samples } = await script("engineer@demo.lab", "eng123");
  const [run] = (await runs.listRuns({ filter: "state = SUCCEEDED", pageSize: 1 })).runs;
  const sample = (await samples.getSample({ id: run?.sampleId ?? "" })).sample;
  const page = await as("viewer", "/runs");
  await page.keyboard.press("/");
  await page.getByLabel("Search runs by sample").fill(sample?.barcode || sample?.name || "");
  const rows = page.getByRole("table").getByRole("row");
  const of = rows.getByRole("link", { name: sample?.name ?? "", exact: true });
  await of.first().waitFor();
  // All rows but the head.
  await expect.poll(async () => (await rows.count()) - 1 - (await of.count())).toBe(0);
  await page.getByLabel("Search runs by sample").fill("no-such-sample");
  await page.getByText("Nothing has").waitFor();
});

test("a run in the queue says that it cannot start, until it can", async () => {
  const { samples, instruments, calibrations, recipes, runs } = await script("pi@demo.lab", "pi123");
  const name = unique("QUEUED");
  const { sample } = await samples.createSample({ sample: { name, materialType: "Si wafer" } });
  const capabilities = [
    { quantity: "dc_voltage", rangeLow: "-200", rangeHigh: "200", unit: "V" },
    { quantity: "dc_current", rangeLow: "-1", rangeHigh: "1", unit: "A" },
  ];
  const made = { assetCode: name, manufacturer: "Keithley", model: "2400", capabilities };
  const instrumentId = (await instruments.createInstrument({ instrument: made })).instrument?.id ?? "";
  const certify = async (certificateId: string) =>
    calibrations.createCalibration({
      calibration: {
        instrumentId,
        certificateId,
        provider: "Metrology Services",
        issuedAt: timestampFromDate(new Date(Date.now() - 86_400_000)),
        expiresAt: timestampFromDate(new Date(Date.now() + 86_400_000 * 365)),
      },
    });
  const { calibration } = await certify(`${name}-1`);
  const version = (await recipes.listRecipes({})).recipes.find((one) => one.approvedVersion)?.approvedVersion;
  const asked = { sampleId: sample?.id ?? "", instrumentId, recipeVersionId: version?.id ?? "" };
  const { run } = await runs.createRun({ run: asked });
  const page = await watching("technician", `/runs/${run?.id}`, "WatchCalibrationStatus");
  const lockout = page.getByText("No run can start on it");
  expect(await lockout.count()).toBe(0);
  await calibrations.revokeCalibration({ id: calibration?.id ?? "", comment: "The reference was wrong" });
  await lockout.waitFor();
  await certify(`${name}-2`);
  await lockout.waitFor({ state: "hidden" });
});

test("data that a running run is given come up on its page", async () => {
  const { runs } = await script("engineer@demo.lab", "eng123");
  const { runs: made } = await runs.listRuns({ filter: "state = SUCCEEDED", pageSize: 100 });
  const done = made.find((one) => one.streams.length > 0 && one.grants.some((grant) => grant.calibrationId));
  const { sampleId = "", instrumentId = "", method = "", params, streams = [] } = done ?? {};
  const id = (await runs.createRun({ run: { sampleId, instrumentId, method, params } })).run?.id ?? "";
  await runs.startRun({ id });
  const page = await as("viewer", `/runs/${id}`);
  await page.getByText("Running").first().waitFor();
  expect(await page.getByRole("button", { name: "Download CSV" }).count()).toBe(0);
  const columns = (streams[0]?.columns ?? []).map(({ name, unit }) => ({ name, unit, values: [1, 2, 3, 2, 1] }));
  await runs.appendDataChunk({ runId: id, columns });
  await page.getByRole("button", { name: "Download CSV" }).waitFor({ timeout: 20_000 });
  await runs.completeRun({ id });
});

test("a run of a sample that was deleted says whose it was", async () => {
  const { samples, runs } = await script("pi@demo.lab", "pi123");
  const name = unique("GONE");
  const sampleId = (await samples.createSample({ sample: { name, materialType: "Si wafer" } })).sample?.id ?? "";
  const done = (await runs.listRuns({ filter: "state = SUCCEEDED", pageSize: 100 })).runs.find((one) =>
    one.grants.some((grant) => grant.calibrationId),
  );
  const { instrumentId = "", method = "", params } = done ?? {};
  const id = (await runs.createRun({ run: { sampleId, instrumentId, method, params } })).run?.id ?? "";
  await runs.cancelRun({ id, reason: "Entered twice" });
  await samples.deleteSample({ id: sampleId, reason: "Entered twice" });
  expectProblems(/status of 404/);
  const page = await as("viewer", "/runs");
  await page.getByRole("link", { name, exact: true }).waitFor();
  const form = await as("engineer", `/runs/new?sample=${sampleId}`);
  await form.getByText(`${name} is deleted.`).waitFor();
});
