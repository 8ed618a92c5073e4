// What is known of an instrument is changed, by one and by two.
import { expect, test } from "vitest";
import { accessible, as, expectProblems, named, picture } from "./browser";
import { script } from "./node";

const unique = (name: string) => `${name}-${Date.now().toString(36)}`;

test("what is known of an instrument is corrected, and nothing else changes", async () => {
  const { instruments } = await script("engineer@demo.lab", "eng123");
  const assetCode = unique("EDIT");
  const capabilities = [
    { quantity: "dc_voltage", rangeLow: "-200", rangeHigh: "200", unit: "V", maximumPermissibleError: "0.02" },
    { quantity: "dc_current", rangeLow: "0", rangeHigh: "1", unit: "A", resolution: "0.001" },
  ];
  const { instrument } = await instruments.createInstrument({
    instrument: { assetCode, manufacturer: "Keithley", model: "2400", methods: ["diode_iv"], capabilities },
  });
  const id = instrument?.id ?? "";
  const page = await as("engineer", `/instruments/${id}`);
  await page.getByRole("main").getByRole("button", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog", { name: `Edit ${assetCode}` });
  await dialog.getByRole("checkbox", { name: "Diode characteristic" }).waitFor();
  await accessible(page);
  await named(page);
  await picture(page, "instrument-edit");
  await dialog.getByLabel("Serial number").fill("1269001");
  await dialog.getByLabel("Firmware").fill("C34");
  await dialog.getByLabel("Calibration interval in days").fill("365");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByText("1269001").first().waitFor();
  const stored = (await instruments.getInstrument({ id })).instrument;
  expect(stored).toMatchObject({
    assetCode,
    model: "2400",
    serialNumber: "1269001",
    firmware: "C34",
    calibrationIntervalDays: 365,
    methods: ["diode_iv"],
    capabilities,
  });
});

test("two people edit one instrument: the second is told, and decides", async () => {
  expectProblems(/status of 409/);
  const { instruments } = await script("engineer@demo.lab", "eng123");
  const assetCode = unique("TWO");
  const made = { assetCode, manufacturer: "Keithley", model: "2400", location: "Lab 1" };
  const id = (await instruments.createInstrument({ instrument: made })).instrument?.id ?? "";
  const page = await as("engineer", `/instruments/${id}`);
  await page.getByRole("main").getByRole("button", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog", { name: `Edit ${assetCode}` });
  await dialog.getByLabel("Firmware").fill("C34");
  const etag = (await instruments.getInstrument({ id })).instrument?.etag ?? "";
  await instruments.updateInstrument({
    instrument: { id, etag, location: "Lab 9" },
    updateMask: { paths: ["location"] },
  });
  // Who comes back to the tab after a while has what is behind the form read anew; the form stays with what it began with.
  await page.waitForTimeout(5_100);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));
  await page.getByText("Lab 9").first().waitFor({ state: "attached" });
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("Location: stored is").waitFor();
  expect((await instruments.getInstrument({ id })).instrument).toMatchObject({ location: "Lab 9", firmware: "" });
  await dialog.getByLabel("Location").fill("Lab 9");
  await dialog.getByRole("button", { name: "Keep mine, then save" }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "hidden" });
  expect((await instruments.getInstrument({ id })).instrument).toMatchObject({ location: "Lab 9", firmware: "C34" });
});
