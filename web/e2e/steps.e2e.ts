// What becomes of a run and of an instrument, each step by its button, and what the server says where it refuses one.
import { readFileSync } from "node:fs";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { as, expectProblems } from "./browser";
import { script } from "./node";

const DAY_MS = 86_400_000;

/** A sample, an instrument with a certificate in force, and how a run on them is queued. */
async function bench(what: string) {
  const { samples, instruments, calibrations, runs, recipes } = await script("pi@demo.lab", "pi123");
  const name = `${what}-${Date.now().toString(36)}`;
  const { sample } = await samples.createSample({ sample: { name, materialType: "Si wafer" } });
  const capabilities = [
    { quantity: "dc_voltage", rangeLow: "-200", rangeHigh: "200", unit: "V" },
    { quantity: "dc_current", rangeLow: "-1", rangeHigh: "1", unit: "A" },
  ];
  const made = { assetCode: name, manufacturer: "Keithley", model: "2450", capabilities };
  const { instrument } = await instruments.createInstrument({ instrument: made });
  const { calibration } = await calibrations.createCalibration({
    calibration: {
      instrumentId: instrument?.id ?? "",
      certificateId: name,
      provider: "Metrology Services",
      issuedAt: timestampFromDate(new Date(Date.now() - DAY_MS)),
      expiresAt: timestampFromDate(new Date(Date.now() + 365 * DAY_MS)),
    },
  });
  const version = (await recipes.listRecipes({})).recipes.find((one) => one.approvedVersion)?.approvedVersion;
  const run = { sampleId: sample?.id ?? "", instrumentId: instrument?.id ?? "", recipeVersionId: version?.id ?? "" };
  const queue = async () => (await runs.createRun({ run })).run?.id ?? "";
  return { name, queue, instrumentId: instrument?.id ?? "", calibrationId: calibration?.id ?? "", calibrations };
}

/** Takes a step, with a reason where one is asked for. */
async function step(page: Page, verb: string, sure: string, reason?: string): Promise<void> {
  await page.getByRole("main").getByRole("button", { name: verb, exact: true }).click();
  const dialog = page.getByRole("dialog");
  if (reason) await dialog.getByLabel("Reason").fill(reason);
  await dialog.getByRole("button", { name: sure, exact: true }).click();
}

test("a run is held and released, paused and resumed, aborted or cancelled, each with its reason", async () => {
  const { queue } = await bench("STEPS");
  const page = await as("engineer", `/runs/${await queue()}`);
  const state = (name: string) =>
    page
      .getByText(new RegExp(`^\\W*${name}$`))
      .first()
      .waitFor();
  await step(page, "Hold", "Hold run", "the stage is being cleaned");
  await state("Held");
  await step(page, "Release", "Release run");
  await state("Queued");
  await step(page, "Start", "Start run");
  await state("Running");
  await step(page, "Pause", "Pause run");
  await state("Paused");
  await step(page, "Resume", "Resume run");
  await state("Running");
  await step(page, "Abort", "Abort run", "a probe has slipped");
  await state("Aborted");
  await page.getByText("a probe has slipped").first().waitFor();

  await page.goto(`/runs/${await queue()}`);
  await step(page, "Cancel", "Cancel run", "entered twice");
  await state("Cancelled");
});

test("a start that the lockout refuses says so, whatever the page knew", async () => {
  expectProblems(/status of 4\d\d/);
  const { queue, calibrations, calibrationId } = await bench("REFUSED");
  const page = await as("technician", `/runs/${await queue()}`);
  await page.getByRole("main").getByRole("button", { name: "Start", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Start run" }).waitFor();
  await calibrations.revokeCalibration({ id: calibrationId, comment: "of another instrument" });
  await page.getByRole("dialog").getByRole("button", { name: "Start run" }).click();
  await page.getByRole("dialog").getByText("The calibration was revoked").waitFor();
  await page.keyboard.press("Escape");
  await page
    .getByText(/^\W*Queued$/)
    .first()
    .waitFor();
});

test("an instrument is taken out of service for a reason that everybody reads, and returned", async () => {
  const { name, instrumentId } = await bench("SERVICE");
  const page = await as("pi", `/instruments/${instrumentId}`);
  await step(page, "Take out of service", "Take out of service", "it was dropped");
  await page.getByText("it was dropped").first().waitFor();
  await page.getByText("No run can start on it").waitFor();
  await step(page, "Return to service", "Return to service", "checked against a reference");
  await page.getByText("No run can start on it").waitFor({ state: "hidden" });
  await page.getByRole("table", { name: "Certificates" }).getByRole("link", { name }).waitFor();
});

test("what a run has measured is saved as a file", async () => {
  const { runs } = await script("viewer@demo.lab", "view123");
  const [run] = (await runs.listRuns({ filter: "state = SUCCEEDED", pageSize: 1 })).runs;
  const page = await as("viewer", `/runs/${run?.id}`);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download CSV" }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/\.csv$/);
  const lines = readFileSync(await download.path(), "utf8").split("\n");
  expect(lines[0]).toMatch(/^# /);
  expect(lines.filter((line) => line && !line.startsWith("#")).length).toBeGreaterThan(2);
});
