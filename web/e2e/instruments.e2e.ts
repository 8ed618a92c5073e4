// What is known of an instrument is changed, by one and by two.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { accessible, as, expectProblems, named, picture, settled } from "./browser";
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

test("a question that is open does not turn into its opposite where somebody else has done it", async () => {
  const { instruments } = await script("pi@demo.lab", "pi123");
  const made = { assetCode: unique("OUT"), manufacturer: "Keithley", model: "2400" };
  const { instrument } = await instruments.createInstrument({ instrument: made });
  const id = instrument?.id ?? "";
  const page = await as("pi", `/instruments/${id}`);
  await page.getByRole("main").getByRole("button", { name: "Take out of service" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("Smokes");
  await instruments.takeOutOfService({ id, reason: "Burns" });
  await dialog.waitFor({ state: "hidden", timeout: 20_000 });
  // It asks anew, and nothing was done by the way.
  await page.getByRole("main").getByRole("button", { name: "Return to service" }).click();
  expect(await dialog.getByLabel("Reason").inputValue()).toBe("");
  expect((await instruments.getInstrument({ id })).instrument?.serviceReason).toBe("Burns");
  // Once it is done, the focus is on the button again, whatever that says by now.
  await dialog.getByLabel("Reason").fill("It was a candle");
  await dialog.getByRole("button", { name: "Return to service" }).click();
  await dialog.waitFor({ state: "hidden" });
  const button = page.getByRole("main").getByRole("button", { name: "Take out of service" });
  await expect.poll(() => button.evaluate((node) => node === document.activeElement)).toBe(true);
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

describe("calibrations due as a calendar", () => {
  test.each([
    { width: 1440, dark: false },
    { width: 1440, dark: true },
    { width: 820, dark: false },
    { width: 820, dark: true },
  ])("on $width pixels, dark: $dark", async (look) => {
    const page = await as("viewer", "/due", look);
    await page.getByRole("radiogroup", { name: "Shown as" }).getByText("Calendar").click();
    await page.waitForURL(/view=calendar/);
    const sheet = page.getByRole("region", { name: /^\w+ \d{4}$/ }).getByRole("table");
    await sheet.waitFor();
    await page.getByRole("table", { name: "Overdue" }).waitFor();
    await settled(page);
    expect(await sheet.getByRole("columnheader").allInnerTexts()).toEqual([
      "Mon",
      "Tue",
      "Wed",
      "Thu",
      "Fri",
      "Sat",
      "Sun",
    ]);
    expect(await sheet.locator("[aria-current=date] time").innerText()).toMatch(/^\d+ today$/);
    await accessible(page);
    await named(page);
    await picture(page, `${look.width}-${look.dark ? "dark" : "light"}-due-calendar`);
    // Nothing is cut off, or beside the screen.
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(look.width);
  });

  test("an instrument is in the day that its calibration ends, by the lab's zone, and months are turned", async () => {
    const { instruments, calibrations } = await script("pi@demo.lab", "pi123");
    const assetCode = unique("DUE");
    const made = { assetCode, manufacturer: "Keithley", model: "2400" };
    const instrumentId = (await instruments.createInstrument({ instrument: made })).instrument?.id ?? "";
    const expires = new Date(Date.now() + 75 * 86_400_000);
    await calibrations.createCalibration({
      calibration: {
        instrumentId,
        certificateId: `${assetCode}-1`,
        provider: "Metrology Services",
        issuedAt: timestampFromDate(new Date(Date.now() - 86_400_000)),
        expiresAt: timestampFromDate(expires),
      },
    });
    const page = await as("viewer", "/due?view=calendar");
    await page.getByRole("navigation", { name: "Main" }).getByText("Times in Europe/Berlin").waitFor();
    const wanted = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Berlin" }).format(expires);
    const name = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric" }).format(new Date(wanted));
    const sheet = page.getByRole("table", { name });
    for (let turned = 0; turned < 4 && (await sheet.count()) === 0; turned++) {
      const before = page.url();
      await page.getByRole("button", { name: "Next month" }).press("Enter");
      await page.waitForURL((url) => url.href !== before);
    }
    const cell = sheet.getByRole("cell").filter({ has: page.locator(`time[datetime="${wanted}"]`) });
    const link = cell.getByRole("link", { name: assetCode });
    await link.waitFor();
    // How long before its end it is due, other tests may have changed.
    expect(await link.innerText()).toMatch(/Valid|Due soon/);
    await page.reload();
    await link.waitFor();
    const month = page.url();
    await page.getByRole("button", { name: "Previous month" }).click();
    await sheet.waitFor({ state: "hidden" });
    await page.goBack();
    await link.waitFor();
    expect(page.url()).toBe(month);
    await page.getByRole("button", { name: "This month" }).click();
    await page.locator("[aria-current=date]").waitFor();
    await page.goto("/due?view=calendar&month=2026-99");
    await page.locator("[aria-current=date]").waitFor();
  });
});
