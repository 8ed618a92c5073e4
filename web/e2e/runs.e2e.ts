// A run is made: of a sample that is scanned, and of a recipe.

import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { demandsOf } from "../src/features/runs/demands";
import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb";
import { accessible, as, expectProblems, named, picture, watching } from "./browser";
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
  // Two were made within a minute: no two are called alike.
  const called = await over.locator("option").allInnerTexts();
  expect(new Set(called).size).toBe(called.length);
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

/** An instrument that can do this much, and a certificate for all of it. */
async function calibrated(name: string, ...capabilities: { quantity: string; unit: string; to: string }[]) {
  const { instruments, calibrations } = await script("pi@demo.lab", "pi123");
  const { instrument } = await instruments.createInstrument({
    instrument: {
      assetCode: name,
      manufacturer: "Keithley",
      model: "2400",
      capabilities: capabilities.map(({ to, ...of }) => ({ ...of, rangeLow: `-${to}`, rangeHigh: to })),
    },
  });
  await calibrations.createCalibration({
    calibration: {
      instrumentId: instrument?.id ?? "",
      certificateId: `${name}-1`,
      provider: "Metrology Services",
      issuedAt: timestampFromDate(new Date(Date.now() - 86_400_000)),
      expiresAt: timestampFromDate(new Date(Date.now() + 86_400_000 * 365)),
    },
  });
  return instrument?.id ?? "";
}

test("what a method asks of an instrument is known to the form as the server has it", async () => {
  const { methods, runs, samples } = await script("engineer@demo.lab", "eng123");
  const name = unique("ASKED");
  const sampleId = (await samples.createSample({ sample: { name, materialType: "Si wafer" } })).sample?.id ?? "";
  const PARAMS: Record<string, Record<string, number>> = {
    cv_sweep: { bias_start: -5, bias_stop: 4 },
    diode_iv: { voltage_start: 0.8, voltage_stop: -1 },
    iv_sweep: { vgs_start: 1, vgs_stop: 3, vgs_step: 0.5, vds: -5 },
  };
  for (const known of (await methods.listMethods({})).methods) {
    const { code: method, spans } = known;
    const params = PARAMS[method] ?? {};
    const demands = demandsOf(known, params);
    expect(demands.map(({ quantity }) => quantity)).toEqual(spans.map(({ quantity }) => quantity));
    expect(demands.length).toBeGreaterThan(0);
    // Each is refused where the instrument can do all but that.
    for (const demand of demands) {
      const others = demands.filter((one) => one !== demand);
      const able = others.map(({ quantity, unit }) => ({ quantity, unit, to: "100000000" }));
      const instrumentId = await calibrated(unique(`${name}-${method}-${demand.quantity}`), ...able);
      const refused = await runs.createRun({ run: { sampleId, instrumentId, method, params } }).then(
        () => undefined,
        (error) => ConnectError.from(error).findDetails(ErrorInfoSchema)[0],
      );
      expect(refused?.reason).toBe("CALIBRATION_SCOPE");
      const { quantity, unit, low, high } = refused?.metadata ?? {};
      expect({ quantity, unit, low: Number(low), high: Number(high) }).toEqual(demand);
    }
  }
});

describe("a run that leaves what the calibration covers", () => {
  test.each([
    { width: 1440, dark: false },
    { width: 1440, dark: true },
    { width: 820, dark: false },
    { width: 820, dark: true },
  ])("is told so before it is sent, on $width pixels, dark: $dark", async (look) => {
    const { samples, instruments } = await script("engineer@demo.lab", "eng123");
    const name = unique("SCOPE");
    const { sample } = await samples.createSample({ sample: { name, materialType: "Si wafer" } });
    const [voltage, current] = [
      { quantity: "dc_voltage", unit: "V" },
      { quantity: "dc_current", unit: "A" },
    ];
    const instrumentId = await calibrated(name, { ...voltage, to: "20" }, { ...current, to: "1" });
    // What it can do by now, and could not when it was calibrated.
    await instruments.updateInstrument({
      instrument: {
        id: instrumentId,
        capabilities: [
          { ...voltage, rangeLow: "-200", rangeHigh: "200" },
          { ...current, rangeLow: "-1", rangeHigh: "1" },
        ],
      },
      updateMask: { paths: ["capabilities"] },
    });
    const page = await as("engineer", `/runs/new?sample=${sample?.id}&instrument=${instrumentId}`, look);
    const method = page.getByRole("combobox", { name: "Method" });
    await method.locator("option", { hasText: "Diode" }).waitFor({ state: "attached" });
    await method.selectOption("diode_iv");
    const told = page.getByText(`dc voltage from -1 to 30 V: certificate ${name}-1 covers from -20 to 20 V.`);
    await page.getByLabel("voltage start").fill("-1");
    await page.getByLabel("voltage stop").fill("10");
    await page.getByText("The certificate does not cover this measurement").waitFor({ state: "hidden" });
    await page.getByLabel("voltage stop").fill("30");
    await told.waitFor();
    await page.getByText("Stay within its scope, or have the missing quantity calibrated.").waitFor();
    await accessible(page);
    await named(page);
    await picture(page, `${look.width}-${look.dark ? "dark" : "light"}-run-new-scope`);
    // Whether it may be, the server decides.
    expectProblems(/status of 4\d\d/);
    await page.getByRole("button", { name: "Queue the run" }).click();
    await page.getByText(`may not be used for dc_voltage from -1 to 30 V`).waitFor();
    await page.getByLabel("voltage stop").fill("10");
    await told.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Queue the run" }).click();
    await page.getByRole("heading", { level: 1, name: /Diode/ }).waitFor();
  });
});

test("a curve is read off and zoomed by keys, and what they lead to is said", async () => {
  const { runs } = await script("engineer@demo.lab", "eng123");
  const { runs: made } = await runs.listRuns({ filter: 'method = "iv_sweep" AND state = SUCCEEDED', pageSize: 100 });
  const done = made.find((one) => one.grants.some((grant) => grant.calibrationId));
  const { sampleId = "", instrumentId = "" } = done ?? {};
  const params = { vgs_start: 0, vgs_stop: 4, vgs_step: 0.1 };
  const id = (await runs.createRun({ run: { sampleId, instrumentId, method: "iv_sweep", params } })).run?.id ?? "";
  await runs.startRun({ id });
  const points = Array.from({ length: 40 }, (_, nth) => nth);
  await runs.appendDataChunk({
    runId: id,
    columns: [
      { name: "v_gs", unit: "V", values: points.map((nth) => nth / 10) },
      { name: "i_d", unit: "A", values: points.map((nth) => nth * nth) },
    ],
  });
  await runs.completeRun({ id });
  const page = await as("viewer", `/runs/${id}`);
  const curve = page.getByRole("application", { name: "i_d (A) over v_gs (V), read by arrow keys" });
  await curve.locator("canvas").waitFor();
  const said = page.locator("[aria-live=polite]", { hasText: /v_gs|curve/ });
  const says = (words: string | RegExp) => expect.poll(() => said.innerText()).toMatch(words);
  // By Tab, as whoever has no pointer does, and it is seen where one is.
  await page.getByRole("button", { name: "Logarithmic across" }).focus();
  await page.keyboard.press("Tab");
  expect(await curve.evaluate((node) => node === document.activeElement)).toBe(true);
  expect(await curve.evaluate((node) => getComputedStyle(node).outlineStyle)).not.toBe("none");
  for (const [key, words] of [
    ["ArrowRight", "v_gs (V): 0; this run: 0"],
    ["ArrowRight", "v_gs (V): 0.1; this run: 1"],
    ["Shift+ArrowRight", "v_gs (V): 1.1; this run: 121"],
    ["ArrowLeft", "v_gs (V): 1; this run: 100"],
    ["End", "v_gs (V): 3.9; this run: 1521"],
    ["ArrowRight", "v_gs (V): 3.9; this run: 1521"],
    ["Shift+ArrowLeft", "v_gs (V): 2.9; this run: 841"],
    ["+", "v_gs (V) from 1.45 to 3.4"],
    // What is out of sight comes into it.
    ["Home", "v_gs (V): 0; this run: 0"],
    ["Shift+ArrowRight", "v_gs (V): 1; this run: 100"],
    ["-", /^v_gs \(V\) from /],
    ["0", "The whole curve"],
    ["ArrowRight", "v_gs (V): 1.1; this run: 121"],
  ] as const) {
    await page.keyboard.press(key);
    await expect
      .poll(() => said.innerText(), { message: key })
      .toEqual(typeof words === "string" ? words : expect.stringMatching(words));
  }
  // What is said stands in the legend as well.
  await page.getByLabel("Values under the cursor").getByText("121").waitFor();
  await says("this run: 121");
  // A curve is hidden and shown by its name, outside of what takes the arrows.
  expect(await curve.getByRole("button").count()).toBe(0);
  const shown = page.getByRole("button", { name: "this run" });
  for (const pressed of ["false", "true"]) {
    await shown.press("Enter");
    expect(await shown.getAttribute("aria-pressed")).toBe(pressed);
    await accessible(page);
  }
  await named(page);
  await picture(page, "run-curve-keys");
});
