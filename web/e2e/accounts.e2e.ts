// What an administrator does to an account is felt by whoever has it, and by nobody else; what they set for the
// laboratory, by everybody.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { as, enter, expectProblems, open, settled } from "./browser";
import { script, somebody } from "./node";

/** How long somebody may still be let in, with all that it takes to notice. */
const SECONDS = 10_000;
const PASSWORD = "four unrelated words again";
const unique = (name: string) => `${name}-${Date.now().toString(36)}`;

const ended = (page: Page) => page.getByRole("dialog", { name: "Your session has ended" });
const wrong = (page: Page) => page.getByRole("alert").getByText("E-mail or password is wrong");

/** The administrator's page of people, and what can be done there with one of them. */
async function people(name: string) {
  const page = await as("admin", "/users");
  await page.getByLabel("Search people").fill(name);
  await page.waitForURL(/q=/);
  await settled(page);
  const row = page.getByRole("row", { name: new RegExp(name) });
  const press = (verb: string) => row.getByRole("button", { name: `${verb} ${name}`, exact: true }).click();
  const dialog = page.getByRole("dialog");
  const sure = (verb: string) => dialog.getByRole("button", { name: verb, exact: true }).click();
  return { page, row, press, dialog, sure };
}

/** Signs in again in the dialog over the page. */
async function again(page: Page, password: string): Promise<void> {
  await ended(page)
    .getByLabel(/^Password/)
    .fill(password);
  await ended(page).getByRole("button", { name: "Sign in", exact: true }).click();
}

test("somebody who is disabled is told so on the page that they have open, and comes back once they are enabled", async () => {
  expectProblems(/status of 401/);
  const name = unique("Dora");
  const { email } = await somebody(name, PASSWORD);
  const page = await open("/samples");
  await enter(page, email, PASSWORD);
  const { row, press, dialog, sure } = await people(name);
  await row.getByText("Active").waitFor();
  await press("Disable");
  await sure("Disable");
  // Nothing was said: the question is still there, and nothing has happened.
  const reason = dialog.getByLabel("Reason");
  expect(await reason.evaluate((field: HTMLTextAreaElement) => field.validity.valueMissing)).toBe(true);
  await row.getByText("Active").waitFor();
  await reason.fill("has left the laboratory");
  await sure("Disable");
  await row.getByText("Disabled").waitFor();
  // Nobody touches the page.
  await ended(page).waitFor({ timeout: SECONDS });
  expect(await ended(page).getByLabel("E-mail").inputValue()).toBe(email);
  await again(page, PASSWORD);
  await wrong(page).waitFor();
  const elsewhere = await open("/");
  await enter(elsewhere, email, PASSWORD, false);
  await wrong(elsewhere).waitFor();

  await press("Enable");
  await dialog.getByLabel("Reason").fill("is back");
  await sure("Enable");
  await row.getByText("Active").waitFor();
  await again(page, PASSWORD);
  await ended(page).waitFor({ state: "hidden" });
  await page.getByRole("link", { name: "Instruments" }).click();
  await page.getByRole("table", { name: "Instruments" }).getByRole("link").first().waitFor();

  const { audit, users } = await script("admin@demo.lab", "admin123");
  const [user] = (await users.listUsers({ filter: `email = "${email}"` })).users;
  const { events } = await audit.listAuditEvents({ filter: `resource_id = "${user?.id}"` });
  expect(events.map((event) => [event.action, event.reason])).toEqual(
    expect.arrayContaining([
      ["enable", "is back"],
      ["disable", "has left the laboratory"],
    ]),
  );
});

test("nobody disables themselves", async () => {
  const { row } = await people("Ada Admin");
  const disable = row.getByRole("button", { name: "Disable Ada Admin" });
  expect(await disable.getAttribute("aria-disabled")).toBe("true");
  await row.getByRole("button", { name: "New password for Ada Admin" }).focus();
  await row.page().keyboard.press("Tab");
  await row.page().getByRole("tooltip", { name: "That is you." }).waitFor();
});

test("a password that an administrator sets is the only one, and ends what the old one began", async () => {
  expectProblems(/status of (400|401)/);
  const name = unique("Piet");
  const { email } = await somebody(name, PASSWORD);
  const page = await open("/samples");
  await enter(page, email, PASSWORD);
  const { press, dialog, sure } = await people(name);
  await press("New password for");
  const [field, reason] = [dialog.getByLabel(/^New password/), dialog.getByLabel("Reason")];
  await field.fill("password");
  await reason.fill("was forgotten");
  await sure("Set the password");
  await dialog.getByText("That password is too easy to guess").waitFor();
  // What was refused has changed nothing.
  await enter(await open("/"), email, PASSWORD);
  expect(await ended(page).count()).toBe(0);
  const set = "quite another sentence of words";
  await field.fill(set);
  await sure("Set the password");
  await dialog.waitFor({ state: "hidden" });
  await ended(page).waitFor({ timeout: SECONDS });
  await again(page, PASSWORD);
  await wrong(page).waitFor();
  await again(page, set);
  await ended(page).waitFor({ state: "hidden" });
  const elsewhere = await open("/");
  await enter(elsewhere, email, PASSWORD, false);
  await wrong(elsewhere).waitFor();
  await enter(elsewhere, email, set);
});

test("in another time zone, pages say which it is, and show every instant by its clocks", async () => {
  const { organizations, runs } = await script("admin@demo.lab", "admin123");
  const [run] = (await runs.listRuns({ filter: "state = SUCCEEDED", pageSize: 1 })).runs;
  const zoned = async (timeZone: string) => {
    const { organization } = await organizations.getOrganization({});
    await organizations.updateOrganization({
      organization: { timeZone, etag: organization?.etag ?? "" },
      updateMask: { paths: ["time_zone"] },
    });
  };
  const said = (page: Page, zone: string) =>
    page.getByRole("navigation", { name: "Main" }).getByText(`Times in ${zone}.`).waitFor();
  const times = (page: Page) =>
    page
      .getByRole("main")
      .getByRole("time")
      .evaluateAll((all) =>
        all.map((one) => ["datetime", "title"].map((name) => one.getAttribute(name)).concat(one.textContent)),
      );
  /** What stands on the page is what the zone's clocks showed at that instant, and says so. */
  const right = async (page: Page, zone: string) => {
    await page.getByRole("main").getByRole("time").nth(2).waitFor();
    const shown = await times(page);
    const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
    for (const [instant, title, text] of shown) {
      expect(clock.format(new Date(instant ?? ""))).toMatch(new RegExp(`^${text}`));
      expect(title).toBe(`${instant} · shown in ${zone}`);
    }
    return shown.map(([, , text]) => text);
  };
  const reader = await as("viewer", `/runs/${run?.id}`);
  await said(reader, "Europe/Berlin");
  const before = await right(reader, "Europe/Berlin");
  const page = await as("admin", "/settings");
  try {
    await page.getByLabel("Time zone").fill("Asia/Tokyo");
    await page.getByRole("button", { name: "Save" }).first().click();
    await said(page, "Asia/Tokyo");
    await reader.reload();
    await said(reader, "Asia/Tokyo");
    const after = await right(reader, "Asia/Tokyo");
    expect(after).toHaveLength(before.length);
    expect(after).not.toEqual(before);
  } finally {
    await zoned("Europe/Berlin");
  }
  await reader.reload();
  await said(reader, "Europe/Berlin");
});
