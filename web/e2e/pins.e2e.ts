// What a run rests on is pinned when it starts and shown ever after: on its own page, and in the ledgers of its
// instrument and of its certificate.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { RunPurpose } from "../src/gen/spectra/runs/v1/run_pb";
import { accessible, as, picture, settled, watching } from "./browser";
import { certificate, demoRecipe, instrument, queue, script } from "./node";

const unique = (name: string) => `${name}-${Date.now().toString(36)}`.toUpperCase();
/** No watch tells of it: it is asked for every 15 s. */
const ASKED = { timeout: 25_000 };

const [engineer, technician, pi] = [
  () => script("engineer@demo.lab", "eng123"),
  () => script("tech@demo.lab", "tech123"),
  () => script("pi@demo.lab", "pi123"),
];

const state = (page: Page, name: string) => page.getByText(new RegExp(`^\\W*${name}$`)).first();

/** What stands beside a word on the page. */
const fact = (page: Page, word: string) =>
  page
    .getByRole("main")
    .locator("dl > div", { has: page.getByRole("term").getByText(word, { exact: true }) })
    .getByRole("definition");

/** The cells of a table's rows, without its head. */
async function rows(page: Page, name: string): Promise<string[][]> {
  const lines = await page.getByRole("table", { name, exact: true }).locator("tbody tr").all();
  return Promise.all(lines.map((line) => line.getByRole("cell").allInnerTexts()));
}

const RESTS_ON = "Calibration it rests on";

/** All that a run's page says of what the run rests on. */
async function pins(page: Page) {
  const [recipe, hash, operator] = await Promise.all(
    ["Recipe", "Content of that version", "Operator"].map((word) => fact(page, word).innerText()),
  );
  return { recipe, hash, operator, grants: await rows(page, RESTS_ON) };
}

/** A recipe of its own, and how the version that was written last is approved. */
async function recipe(name: string) {
  const { recipes } = await engineer();
  const params = { vgs_start: 0, vgs_stop: 2, vgs_step: 0.1 };
  const id = (await recipes.createRecipe({ recipe: { name, method: "iv_sweep", params } })).recipe?.id ?? "";
  const approved = async () => {
    const { recipe: submitted } = await recipes.submitRecipe({ id });
    const version = submitted?.latestVersion?.version ?? 0;
    return (await (await pi()).recipes.approveRecipe({ id, version })).recipe?.approvedVersion;
  };
  const changed = () =>
    recipes.updateRecipe({
      recipe: { id, params: { ...params, vgs_stop: 3 } },
      updateMask: { paths: ["params"] },
    });
  return { approved, changed };
}

test("what a run is started with stays with it, whatever comes later; the next one rests on that", async () => {
  const name = unique("PINS");
  const instrumentId = await instrument(name);
  const first = await certificate(instrumentId, `${name}-1`);
  const { approved, changed } = await recipe(name);
  const one = await approved();
  const runId = await queue(instrumentId, `${name}-A`, one?.id ?? "");
  const page = await watching("technician", `/runs/${runId}`, "WatchRuns");
  await page.getByText("It is pinned when the run starts.").waitFor();
  expect(await fact(page, "Operator").innerText()).toBe("–");
  const start = async () => {
    await page.getByRole("main").getByRole("button", { name: "Start", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Start run" }).click();
    await state(page, "Running").waitFor();
  };
  await start();
  const grant = (await (await technician()).runs.getRun({ id: runId })).run?.grants[0];
  expect(grant?.calibrationId).toBe(first);
  const until = page.getByRole("table", { name: RESTS_ON }).getByRole("time");
  const wanted = {
    recipe: `${name}, version 1`,
    hash: one?.contentSha256.slice(0, 16),
    operator: "Theo Technician",
    grants: [
      [`${name} 2450`, `${name}-1`, await until.innerText(), "○ In force at the start", grant?.grantId.slice(-12)],
    ],
  };
  await expect.poll(() => pins(page)).toEqual(wanted);
  expect(await until.getAttribute("datetime")).toBe(grant?.expiresAt && timestampDate(grant.expiresAt).toISOString());

  // Meanwhile the instrument gets another certificate, and the recipe another content; somebody else ends the run.
  await certificate(instrumentId, `${name}-2`, 0, 400);
  await changed();
  const two = await approved();
  expect(two?.contentSha256).not.toBe(one?.contentSha256);
  await (await engineer()).runs.completeRun({ id: runId });
  await state(page, "Succeeded").waitFor();
  expect(await pins(page)).toEqual(wanted);
  await page.reload();
  await state(page, "Succeeded").waitFor();
  await expect.poll(() => pins(page)).toEqual(wanted);

  const next = await queue(instrumentId, `${name}-B`, two?.id ?? "");
  await page.goto(`/runs/${next}`);
  await start();
  await expect
    .poll(() => pins(page))
    .toMatchObject({
      recipe: `${name}, version 2`,
      hash: two?.contentSha256.slice(0, 16),
      operator: "Theo Technician",
    });
  expect((await rows(page, RESTS_ON)).map(([, paper]) => paper)).toEqual([`${name}-2`]);
  await (await technician()).runs.completeRun({ id: next });
});

test("a run whose certificate is revoked while it is under way says so, and stays with that certificate", async () => {
  const name = unique("FLAG");
  const instrumentId = await instrument(name);
  const calibrationId = await certificate(instrumentId, `${name}-1`);
  const runId = await queue(instrumentId, name, await demoRecipe());
  const { runs } = await technician();
  await runs.startRun({ id: runId });
  const page = await as("viewer", `/runs/${runId}`);
  await state(page, "In force at the start").waitFor();
  expect(await state(page, "Flagged").count()).toBe(0);
  await (await pi()).calibrations.revokeCalibration({ id: calibrationId, comment: "The reference was wrong" });
  await certificate(instrumentId, `${name}-2`);
  await state(page, "Flagged").waitFor(ASKED);
  await page.getByRole("alert").getByText("Its calibration expired or was revoked").waitFor();
  const told = async () => (await rows(page, RESTS_ON)).map(([, paper, , how]) => [paper, how]);
  expect(await told()).toEqual([[`${name}-1`, "■ Revoked since"]]);
  await accessible(page);
  await picture(page, "run-flagged");
  await runs.completeRun({ id: runId });
  await state(page, "Succeeded").waitFor();
  await state(page, "Flagged").waitFor();
  expect(await told()).toEqual([[`${name}-1`, "■ Revoked since"]]);
});

test("the ledgers of an instrument and of its certificates have every run that was let start, and no other", async () => {
  const name = unique("LEDGER");
  const instrumentId = await instrument(name);
  const first = await certificate(instrumentId, `${name}-1`);
  const version = await demoRecipe();
  const { runs } = await technician();
  const page = await as("viewer", `/instruments/${instrumentId}`);
  await page.getByText("No run yet. Each one that is let start is entered here").waitFor();

  const [one, two] = [await queue(instrumentId, `${name}-A`, version), await queue(instrumentId, `${name}-B`, version)];
  await runs.startRun({ id: one });
  await runs.completeRun({ id: one });
  const investigator = await pi();
  await investigator.calibrations.revokeCalibration({ id: first, comment: "The reference was wrong" });
  await expect(runs.startRun({ id: two })).rejects.toThrow(/revoked/);
  // A check of the instrument itself needs no certificate.
  const sample = { name: `${name}-C`, materialType: "Reference wafer" };
  const sampleId = (await investigator.samples.createSample({ sample })).sample?.id ?? "";
  const { run: check } = await investigator.runs.createNonRoutineRun({
    run: { sampleId, instrumentId, recipeVersionId: version },
    purpose: RunPurpose.INTERMEDIATE_CHECK,
  });
  await investigator.runs.startRun({ id: check?.id ?? "" });
  await investigator.runs.completeRun({ id: check?.id ?? "" });
  const shown = async (label: string) => (await rows(page, label)).map(([run, , paper]) => [run, paper]);
  const called = (id = "") => `Run ${id.slice(-8)}`;
  await page.reload();
  await expect
    .poll(() => shown("Used by"))
    .toEqual([
      [called(check?.id), "exempt: a check of the instrument itself"],
      [called(one), `${name}-1`],
    ]);
  const second = await certificate(instrumentId, `${name}-2`);
  await runs.startRun({ id: two });
  await runs.completeRun({ id: two });
  await page.reload();
  await expect.poll(async () => (await shown("Used by"))[0]).toEqual([called(two), `${name}-2`]);
  expect(await shown("Used by")).toHaveLength(3);
  await picture(page, "instrument-ledger");

  for (const [paper, run] of [
    [first, one],
    [second, two],
  ] as const) {
    await page.goto(`/calibrations/${paper}`);
    const label = "Runs that rest on it";
    await expect.poll(() => shown(label)).toEqual([[called(run), `${name}-${paper === first ? 1 : 2}`]]);
    await page
      .getByRole("table", { name: label })
      .getByRole("link", { name: called(run) })
      .click();
    await page.waitForURL(`**/runs/${run}`);
    await state(page, "Succeeded").waitFor();
  }
});

test("the time line has a bar for each certificate, and one that is revoked is cut off at that moment", async () => {
  const name = unique("LINE");
  const instrumentId = await instrument(name);
  await certificate(instrumentId, `${name}-1`, -400, -40);
  const page = await watching("viewer", `/instruments/${instrumentId}`, "WatchCalibrationStatus");
  await state(page, "Expired").waitFor();
  const id = await certificate(instrumentId, `${name}-2`, -100, 265);
  const line = page.getByRole("img", { name: "When each certificate is valid" });
  const bar = (nth: number) => line.locator("svg", { hasText: `${name}-${nth}` });
  const titles = async () => (await line.locator("svg > title").allTextContents()).sort();
  await expect.poll(titles).toEqual([`${name}-1: Accepted`, `${name}-2: Accepted`]);
  const [from, to] = await page.getByRole("figure").locator("figcaption > span").allInnerTexts();
  const days = (Date.parse(to ?? "") - Date.parse(from ?? "")) / 86_400_000;
  expect(Math.abs(days - 665), `${from} to ${to}`).toBeLessThanOrEqual(1);
  const box = async (part: ReturnType<typeof bar>) => {
    const { x = 0, width = 0 } = (await part.boundingBox()) ?? {};
    return { from: x, to: x + width };
  };
  const whole = await box(line);
  const at = (day: number) => whole.from + ((day + 400) / 665) * (whole.to - whole.from);
  const near = (value: number, day: number) =>
    expect(Math.abs(value - at(day)), `day ${day} is at ${at(day)}, not ${value}`).toBeLessThan(3);
  const [old, new_] = [await box(bar(1).locator("rect").first()), await box(bar(2).locator("rect").first())];
  for (const [value, day] of [
    [old.from, -400],
    [old.to, -40],
    [new_.from, -100],
    [new_.to, 265],
    [(await box(line.locator("line"))).from, 0],
  ] as const)
    near(value, day);
  expect(await bar(2).locator("rect").count()).toBe(1);
  await settled(page);
  await accessible(page);
  await picture(page, "instrument-time-line");

  await (await pi()).calibrations.revokeCalibration({ id, comment: "Of another instrument" });
  await expect.poll(titles).toEqual([`${name}-1: Accepted`, `${name}-2: Revoked`]);
  near((await box(bar(2).locator("rect").nth(1))).from, 0);
  expect(await bar(1).locator("rect").count()).toBe(1);
  const papers = async () =>
    (await rows(page, "Certificates")).map(([paper, , , , how = ""]) => [paper, how.replace(/\s+/g, " ")]).sort();
  await expect.poll(papers).toEqual([
    [`${name}-1`, "● Accepted decides"],
    [`${name}-2`, "■ Revoked"],
  ]);
  await picture(page, "instrument-time-line-revoked");
});
