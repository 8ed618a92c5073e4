// The laboratory's main story, told by people in browsers.
import { describe, expect, test } from "vitest";
import { as, endSession, expectProblems, open, ROLES, type Role, settled, signIn } from "./browser";

const unique = (name: string) => `${name}-${Date.now().toString(36)}`;

/** Today, and a year from today, as a date field takes them. */
const day = (years: number) => {
  const date = new Date();
  date.setFullYear(date.getFullYear() + years);
  return date.toISOString().slice(0, 10);
};

describe("what a role may do", () => {
  test.each(Object.keys(ROLES) as Role[])("%s", async (role) => {
    const page = await as(role, "/samples");
    const register = page.getByRole("button", { name: "Register a sample" });
    await page.getByRole("table", { name: "Samples" }).getByRole("link").first().waitFor();
    const may = role !== "viewer" && role !== "technician";
    // What a role may do is known a moment after the page is.
    await expect.poll(() => register.getAttribute("aria-disabled"), { timeout: 10_000 }).toBe(may ? null : "true");
    if (!may) {
      await register.hover({ force: true });
      await page.getByRole("tooltip", { name: "Your role may not register samples." }).waitFor();
    }
    const audit = page.getByRole("link", { name: "Audit log" });
    expect(await audit.count()).toBe(role === "admin" || role === "pi" ? 1 : 0);
  });
});

describe("the whole story", () => {
  test("from a scan to a verified history", async () => {
    const barcode = unique("SPL").toUpperCase();
    const engineer = await as("engineer", "/samples");

    // A scanner types and ends with Enter: nobody knows the code yet.
    expectProblems(/status of 404/);
    await engineer.getByLabel("Scan a barcode").fill(barcode);
    await engineer.keyboard.press("Enter");
    await engineer.getByRole("link", { name: "Register it" }).click();
    await engineer.getByLabel("Name").fill(unique("W77"));
    await engineer.getByLabel("Material").fill("GaN wafer");
    expect(await engineer.getByLabel("Barcode").inputValue()).toBe(barcode);
    await engineer.getByRole("button", { name: "Register" }).click();
    await engineer.getByText("Available").first().waitFor();

    // A run of it on an instrument of its own, which nobody has calibrated yet.
    const asset = unique("HALL").toUpperCase();
    await engineer.goto("/instruments");
    await engineer.getByRole("table", { name: "Instruments" }).getByRole("link").first().waitFor();
    await engineer.keyboard.press("c");
    await engineer.getByLabel("Asset code").fill(asset);
    await engineer.getByLabel("Manufacturer").fill("Lake Shore");
    await engineer.getByLabel("Model").fill("8404");
    await engineer.getByLabel("Capabilities").fill("dc_voltage: -200 to 200 V\ndc_current: -1 to 1 A");
    await engineer.getByRole("button", { name: "Add", exact: true }).click();
    await engineer.getByText("No run can start on it: missing").waitFor();
    const instrument = engineer.url();
    await engineer.goto("/runs/new");
    await engineer.getByLabel("Find a sample").fill(barcode);
    await choose(engineer, "Sample", barcode);
    await choose(engineer, "Instrument", asset);
    await engineer.getByText("No run can start on it: missing.").waitFor();
    const queue = engineer.getByRole("button", { name: "Queue the run" });
    expect(await queue.getAttribute("aria-disabled")).toBe("true");

    // Its certificate, entered meanwhile in another browser, lifts that by itself.
    const pi = await as("pi", `${instrument}/certificates/new`);
    const certificate = unique("CAL");
    await pi.getByLabel("Certificate number").fill(certificate);
    await pi.getByLabel("Calibration laboratory").fill("Metrology Services");
    await pi.getByLabel("Issued").fill(day(0));
    await pi.getByLabel("Expires").fill(day(1));
    await pi.getByRole("button", { name: "Enter" }).click();
    await pi.getByText("Accepted").first().waitFor();
    await engineer.getByText("Valid", { exact: false }).first().waitFor();
    await choose(engineer, "Method", "Transfer characteristic");
    await engineer.getByLabel("vgs start").fill("zero");
    await engineer.getByLabel("vgs stop").fill("2");
    await engineer.getByLabel("vgs step").fill("0.1");
    await queue.click();
    await engineer.getByText("must be a number").waitFor();
    // A comma that could be either is asked about, never taken for one of them.
    await engineer.getByLabel("vgs start").fill("1,500");
    await queue.click();
    await engineer.getByText("could be 1500 or 1.5").waitFor();
    await engineer.getByLabel("vgs start").fill("0");
    await queue.click();
    await engineer.getByText("Queued").first().waitFor();
    const run = new URL(engineer.url()).pathname;

    // A technician starts and completes it; the engineer's page follows.
    const technician = await as("technician", run);
    await technician.getByRole("button", { name: "Start" }).click();
    await technician.getByRole("button", { name: "Start run" }).click();
    await technician.getByText("Running").first().waitFor();
    await engineer.getByText("Running").first().waitFor();
    await technician.getByRole("button", { name: "Complete" }).click();
    await technician.getByRole("button", { name: "Complete run" }).click();
    await technician.getByText("Succeeded").first().waitFor();
    await engineer.getByText("Succeeded").first().waitFor();

    // Who did what is on record.
    await pi.goto(run);
    const history = pi.getByRole("table", { name: "History" });
    for (const action of ["create", "start", "complete"])
      await history.getByRole("cell", { name: action, exact: true }).waitFor();
    await pi.getByRole("table", { name: "Calibration it rests on" }).getByRole("link", { name: certificate }).waitFor();
  });

  test("a certificate is revoked while somebody has the form open", async () => {
    const { instrument, certificate } = await calibrated();
    const engineer = await as("engineer", `/runs/new?instrument=${instrument}`);
    await engineer.getByText("days left", { exact: false }).waitFor();
    const pi = await as("pi", certificate);
    await pi.getByRole("button", { name: "Revoke" }).click();
    await pi.getByLabel("Comment").fill("The reference was wrong");
    await pi.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await pi.getByText("Revoked").first().waitFor();
    await engineer.getByText("No run can start on it: revoked.").waitFor();
  });
});

describe("what comes between", () => {
  test("two people edit one sample: the second is told and loses nothing", async () => {
    expectProblems(/status of 409/);
    const first = await as("engineer", "/samples?sort=name");
    await first.getByRole("table", { name: "Samples" }).getByRole("link").first().click();
    await first.getByRole("button", { name: "Edit" }).click();
    await first.getByLabel("Location").waitFor();
    const second = await as("pi", new URL(first.url()).pathname);
    const [theirs, mine] = [unique("Vault"), unique("Attic")];
    await second.getByLabel("Location").fill(theirs);
    await first.getByLabel("Location").fill(mine);
    await second.getByRole("button", { name: "Save" }).click();
    await second.getByText(theirs).waitFor();
    await first.getByRole("button", { name: "Save" }).click();
    await first.getByText("Somebody changed this meanwhile").waitFor();
    await first.getByText(`stored is ${theirs}`).waitFor();
    expect(await first.getByLabel("Location").inputValue()).toBe(mine);
    await first.getByRole("button", { name: "Keep mine, then save" }).click();
    await first.getByRole("button", { name: "Save" }).click();
    await first.getByRole("heading", { name: "History" }).waitFor();
    await first.getByText(mine).first().waitFor();
  });

  test("a session ends in the middle of a form: what was typed stays, and goes through", async () => {
    expectProblems(/status of 401/);
    const page = await as("engineer", "/samples/new");
    const name = unique("W-kept");
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Material").fill("Si wafer");
    // The session ends: it is revoked from elsewhere, and its cookie goes.
    await endSession(page);
    await page.getByRole("button", { name: "Register" }).click();
    await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
    await page.getByRole("dialog").getByLabel("E-mail").fill("engineer@demo.lab");
    await page
      .getByRole("dialog")
      .getByLabel(/^Password/)
      .fill("eng123");
    await page.getByRole("dialog").getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { level: 1, name }).waitFor();
  });

  test("the second organization sees none of the first's data, by any address", async () => {
    expectProblems(/status of 401/, /status of 404/);
    const ours = await as("admin", "/samples?sort=name");
    await ours.getByRole("table", { name: "Samples" }).getByRole("link").first().click();
    await ours.getByRole("heading", { name: "History" }).waitFor();
    const addresses = [new URL(ours.url()).pathname];
    for (const [list, table] of [
      ["/instruments", "Instruments"],
      ["/runs", "Runs"],
      ["/recipes", "Recipes"],
    ] as const) {
      await ours.goto(list);
      const first = ours.getByRole("table", { name: table }).getByRole("link").first();
      addresses.push((await first.getAttribute("href")) ?? "");
    }
    await ours.goto(addresses[1] ?? "");
    const certificates = ours.getByRole("table", { name: "Certificates" }).getByRole("link");
    addresses.push((await certificates.first().getAttribute("href")) ?? "");
    const theirs = await open("/");
    await theirs.getByLabel("E-mail").fill("admin@other.lab");
    await theirs.getByLabel(/^Password/).fill("admin123");
    await theirs.getByRole("button", { name: "Sign in", exact: true }).click();
    await theirs.getByRole("navigation", { name: "Main" }).waitFor();
    for (const address of addresses) {
      await theirs.goto(address);
      await theirs.getByText("There is no such thing here").waitFor();
    }
    for (const [path, table] of [
      ["/samples", "Samples"],
      ["/runs", "Runs"],
    ]) {
      await theirs.goto(path ?? "");
      await theirs.getByRole("table", { name: table ?? "" }).waitFor();
      await settled(theirs);
      expect(await theirs.getByText("W01-D1", { exact: true }).count()).toBe(0);
    }
  });

  test("signing out in one tab signs out in the others", async () => {
    expectProblems(/status of 401/);
    const page = await as("viewer");
    const tab = await page.context().newPage();
    await tab.goto(new URL("/runs", page.url()).href);
    await tab.getByRole("navigation", { name: "Main" }).waitFor();
    await page.getByRole("button", { name: /Vera|Viewer/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByLabel("E-mail").waitFor();
    await tab.getByLabel("E-mail").waitFor();
  });
});

type Page = Awaited<ReturnType<typeof as>>;

/** Chooses the option that has these words in it. */
async function choose(page: Page, label: string, words: string): Promise<void> {
  const select = page.getByRole("combobox", { name: label, exact: false });
  const option = select.locator("option", { hasText: words }).first();
  await option.waitFor({ state: "attached" });
  await select.selectOption((await option.getAttribute("value")) ?? "");
}

/** A new instrument with a certificate in force: its id, and the address of the certificate. */
async function calibrated(): Promise<{ instrument: string; certificate: string }> {
  const page = await signIn(await open("/instruments"), "engineer");
  await page.getByRole("button", { name: "Add an instrument" }).click();
  await page.getByLabel("Asset code").fill(unique("SMU").toUpperCase());
  await page.getByLabel("Manufacturer").fill("Keithley");
  await page.getByLabel("Model").fill("2400");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("No run can start on it: missing").waitFor();
  const instrument = new URL(page.url()).pathname.split("/")[2] ?? "";
  await page.getByRole("button", { name: "Enter a certificate" }).click();
  await page.getByLabel("Certificate number").fill(unique("CAL"));
  await page.getByLabel("Calibration laboratory").fill("Metrology Services");
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByText("Accepted").first().waitFor();
  return { instrument, certificate: new URL(page.url()).pathname };
}
