// Certificates: what the paper says is what is stored.
import { readFileSync } from "node:fs";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { as, expectProblems, picture } from "./browser";
import { certificate, instrument, review, script } from "./node";

test("a certificate's days begin when they do in the lab, in summer and in winter", async () => {
  const { calibrations, instruments } = await script("engineer@demo.lab", "eng123");
  const name = `ZONE-${Date.now().toString(36).toUpperCase()}`;
  const { instrument } = await instruments.createInstrument({
    instrument: { assetCode: name, manufacturer: "Keithley", model: "2400" },
  });
  const page = await as("engineer", `/instruments/${instrument?.id}/certificates/new`);
  await page.getByLabel("Certificate number").fill(name);
  await page.getByLabel("Calibration laboratory").fill("Metrology Services");
  await page.getByLabel("Issued").fill("2026-07-01");
  await page.getByLabel("Expires").fill("2027-01-15");
  expect(await page.getByText("this day, Europe/Berlin").count()).toBe(2);
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.getByText("2026-07-01 00:00").first().waitFor();
  await page.getByText("2027-01-15 00:00").first().waitFor();
  const stored = await calibrations.listCalibrations({ filter: `instrument_id = "${instrument?.id}"` });
  const [certificate] = stored.calibrations;
  const at = (instant: Parameters<typeof timestampDate>[0] | undefined) =>
    instant && timestampDate(instant).toISOString();
  expect([at(certificate?.issuedAt), at(certificate?.expiresAt)]).toEqual([
    "2026-06-30T22:00:00.000Z",
    "2027-01-14T23:00:00.000Z",
  ]);
});

test("a certificate may cover a part of what an instrument does, and from a later day than its issue", async () => {
  const { calibrations, instruments } = await script("engineer@demo.lab", "eng123");
  const name = `PART-${Date.now().toString(36).toUpperCase()}`;
  const { instrument } = await instruments.createInstrument({
    instrument: {
      assetCode: name,
      manufacturer: "Keithley",
      model: "2400",
      capabilities: [
        { quantity: "dc_voltage", rangeLow: "-200", rangeHigh: "200", unit: "V" },
        { quantity: "dc_current", rangeLow: "-1", rangeHigh: "1", unit: "A" },
      ],
    },
  });
  const page = await as("engineer", `/instruments/${instrument?.id}/certificates/new`);
  await page.getByLabel("Certificate number").fill(name);
  await page.getByLabel("Calibration laboratory").fill("Metrology Services");
  await page.getByLabel("Issued").fill("2026-07-01");
  await page.getByLabel("Valid from").fill("2026-07-05");
  await page.getByLabel("Expires").fill("2027-07-01");
  const covers = page.getByRole("group", { name: "Covers" });
  const [voltage, current] = [covers.getByLabel("dc_voltage"), covers.getByLabel("dc_current")];
  expect([await voltage.isChecked(), await current.isChecked()]).toEqual([true, true]);
  for (const quantity of [voltage, current]) await quantity.uncheck();
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByText("A certificate covers at least one of them.").waitFor();
  await voltage.check();
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.getByText("dc_voltage from -200 to 200 V", { exact: true }).waitFor();
  await page.getByText("2026-07-05 00:00").first().waitFor();
  const stored = await calibrations.listCalibrations({ filter: `instrument_id = "${instrument?.id}"` });
  expect(stored.calibrations.map((one) => one.scope)).toEqual([["dc_voltage"]]);
});

test("a certificate on which no new run rests says which one decides", async () => {
  const name = `OLDER-${Date.now().toString(36).toUpperCase()}`;
  const instrumentId = await instrument(name);
  const newest = await certificate(instrumentId, name);
  const { calibrations } = await script("engineer@demo.lab", "eng123");
  const { calibration } = await calibrations.createCalibration({
    calibration: {
      instrumentId,
      certificateId: `${name}-1`,
      provider: "Metrology Services",
      issuedAt: timestampFromDate(new Date("2024-07-01T00:00:00Z")),
      expiresAt: timestampFromDate(new Date("2029-07-01T00:00:00Z")),
    },
  });
  const page = await as("engineer", `/calibrations/${calibration?.id}`);
  const told = page.getByText("the certificate that became valid last decides");
  await told.getByRole("link", { name, exact: true }).click();
  await page.waitForURL(`**/calibrations/${newest}`);
  await page.getByText("Covers").waitFor();
  await told.waitFor({ state: "detached" });
  // As the instrument's list says.
  await page.goto(`/instruments/${instrumentId}`);
  const rows = page.getByRole("table", { name: "Certificates" }).getByRole("row");
  await rows.filter({ hasText: "decides" }).getByRole("link", { name, exact: true }).waitFor();
  expect(await rows.filter({ hasText: "decides" }).count()).toBe(1);
});

test("what is wrong with a certificate stands at its field, and can be mended", async () => {
  expectProblems(/status of 400/);
  const { instruments } = await script("engineer@demo.lab", "eng123");
  const name = `WRONG-${Date.now().toString(36).toUpperCase()}`;
  const { instrument } = await instruments.createInstrument({
    instrument: { assetCode: name, manufacturer: "Keithley", model: "2400" },
  });
  const page = await as("engineer", `/instruments/${instrument?.id}/certificates/new`);
  await page.getByLabel("Certificate number").fill(name);
  await page.getByLabel("Calibration laboratory").fill("Metrology Services");
  const expires = page.getByLabel("Expires");
  const inAYear = await expires.inputValue();
  await expires.fill("0026-01-15");
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByText("Write the year in full").waitFor();
  await expires.fill("2020-01-15");
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByText("Must be later than the day").waitFor();
  await expires.fill("2031-01-15");
  // What the lab refused is no longer said once it has been changed.
  const issued = page.getByLabel("Issued");
  const today = await issued.inputValue();
  await issued.fill("2030-01-15");
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByRole("alert").waitFor();
  await issued.fill(today);
  await page.getByRole("alert").waitFor({ state: "detached" });
  // What was found out of tolerance does not wait for a later day.
  const [found, from] = [page.getByLabel("As found"), page.getByLabel("Valid from")];
  await found.selectOption({ label: "out of tolerance" });
  await from.fill("2030-01-15");
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByText("Not later than its issue").waitFor();
  await found.selectOption({ label: "in tolerance" });
  await from.fill("");
  await expires.fill(inAYear);
  const standards = page.getByLabel("Standards used");
  await standards.fill("x".repeat(201));
  await page.getByRole("button", { name: "Enter" }).click();
  await expect.poll(() => standards.getAttribute("aria-invalid")).toBe("true");
  await standards.fill("Fluke 5522A");
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
});

test("a certificate's file is attached once, and everybody who reads the certificate saves it as it was", async () => {
  const { calibrations, instruments } = await script("engineer@demo.lab", "eng123");
  const name = `FILE-${Date.now().toString(36).toUpperCase()}`;
  const { instrument } = await instruments.createInstrument({
    instrument: { assetCode: name, manufacturer: "Keithley", model: "2400" },
  });
  const { calibration } = await calibrations.createCalibration({
    calibration: {
      instrumentId: instrument?.id ?? "",
      certificateId: name,
      provider: "Metrology Services",
      issuedAt: timestampFromDate(new Date("2026-07-01T00:00:00Z")),
      expiresAt: timestampFromDate(new Date("2027-07-01T00:00:00Z")),
    },
  });
  const path = `/calibrations/${calibration?.id}`;
  const page = await as("engineer", path);
  await page.getByText("The certificate itself is not here yet.").waitFor();
  const attach = page.locator("input[type=file]");
  await attach.setInputFiles({ name: "certificate.exe", mimeType: "application/pdf", buffer: Buffer.from("x") });
  await page.getByRole("alert").getByText("Only PDF").waitFor();
  // The same one, mended, is chosen again.
  expect(await attach.inputValue()).toBe("");
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 31) % 256));
  await attach.setInputFiles({ name: "certificate.pdf", mimeType: "application/pdf", buffer: content });
  await page.getByText("certificate.pdf").waitFor();
  await page.getByText("300 kB").waitFor();

  const reader = await as("viewer", path);
  const saving = reader.waitForEvent("download");
  await reader.getByRole("button", { name: "Save the file" }).click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe("certificate.pdf");
  expect(readFileSync(await saved.path())).toEqual(content);
  await picture(reader, "certificate-with-its-file");
});

describe("where certificates wait for a review", () => {
  beforeAll(() => review(true));
  afterAll(() => review(false));

  /** A draft, for an instrument that has no other certificate. */
  async function draft(what: string) {
    const { calibrations, instruments } = await script("engineer@demo.lab", "eng123");
    const name = `${what}-${Date.now().toString(36).toUpperCase()}`;
    const { instrument } = await instruments.createInstrument({
      instrument: { assetCode: name, manufacturer: "Keithley", model: "2400" },
    });
    const { calibration } = await calibrations.createCalibration({
      calibration: {
        instrumentId: instrument?.id ?? "",
        certificateId: name,
        provider: "Metrology Services",
        issuedAt: timestampFromDate(new Date(Date.now() - 86_400_000)),
        expiresAt: timestampFromDate(new Date(Date.now() + 365 * 86_400_000)),
      },
    });
    return { path: `/calibrations/${calibration?.id}`, instrument: `/instruments/${instrument?.id}` };
  }

  const button = (page: Page, verb: string) => page.getByRole("main").getByRole("button", { name: verb, exact: true });
  const sure = (page: Page, verb: string) => page.getByRole("dialog").getByRole("button", { name: verb, exact: true });
  const state = (page: Page, name: string) => page.getByText(new RegExp(`^\\W*${name}$`)).first();

  test("one is rejected, not without a comment, and never comes into force", async () => {
    const { path, instrument } = await draft("REJECT");
    const page = await as("pi", path);
    await button(page, "Reject").click();
    await sure(page, "Reject").click();
    // Nothing was said: the question is still there.
    expect(await page.getByLabel("Comment").evaluate((field: HTMLTextAreaElement) => field.validity.valueMissing)).toBe(
      true,
    );
    await page.getByLabel("Comment").fill("It is of another instrument");
    await sure(page, "Reject").click();
    await state(page, "Rejected").waitFor();
    await page.getByText("It is of another instrument").first().waitFor();
    for (const verb of ["Accept", "Reject", "Revoke"]) expect(await button(page, verb).count(), verb).toBe(0);
    await page.getByRole("table", { name: "History" }).getByRole("cell", { name: "reject" }).first().waitFor();
    await page.goto(instrument);
    await page.getByText("No run can start on it").waitFor();
  });

  test("one is accepted by whoever may, and the instrument can be used from that moment", async () => {
    const { path, instrument } = await draft("ACCEPT");
    const engineer = await as("engineer", path);
    await state(engineer, "Draft").waitFor();
    for (const verb of ["Accept", "Reject"])
      await expect.poll(() => button(engineer, verb).getAttribute("aria-disabled"), { message: verb }).toBe("true");
    await engineer.goto(instrument);
    await engineer.getByText("No run can start on it").waitFor();
    const page = await as("pi", path);
    await button(page, "Accept").click();
    await page.getByText("From now on runs can rest on it.").waitFor();
    await page.getByLabel("Comment").fill("Compared with the paper");
    await sure(page, "Accept").click();
    await state(page, "Accepted").waitFor();
    await page.getByText("Compared with the paper").first().waitFor();
    await engineer.getByText("No run can start on it").waitFor({ state: "hidden" });
    await state(engineer, "Valid").waitFor();
  });
});
