// One browser, several people: nobody acts in another's name.
import { expect, test } from "vitest";
import { as, expectProblems } from "./browser";
import { script } from "./node";

test("where somebody else signs in over a form, it is not sent in their name", async () => {
  expectProblems(/status of 401/);
  const page = await as("engineer", "/samples/new");
  const name = `W-others-${Date.now().toString(36)}`;
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Material").fill("Si wafer");
  // The session ends: its cookie goes, and its token is refused.
  await page.context().clearCookies();
  await page.route(
    "**/spectra.samples.v1.SamplesService/CreateSample",
    (route) =>
      route.fulfill({ status: 200, headers: { "content-type": "application/grpc-web+proto", "grpc-status": "16" } }),
    { times: 1 },
  );
  await page.getByRole("button", { name: "Register" }).click();
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.getByLabel("E-mail").fill("pi@demo.lab");
  await dialog.getByLabel(/^Password/).fill("pi123");
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByRole("banner").getByText("Petra Investigator").waitFor();
  const { samples } = await script("pi@demo.lab", "pi123");
  expect((await samples.listSamples({ filter: `name = "${name}"` })).samples).toEqual([]);
});

test("a tab of somebody who left becomes that of who came, and shows nothing of before", async () => {
  expectProblems(/status of 401/);
  const page = await as("viewer");
  const tab = await page.context().newPage();
  await tab.goto(new URL("/samples", page.url()).href);
  await tab.getByRole("banner").getByText("Viewer", { exact: true }).waitFor();
  await page
    .getByRole("banner")
    .getByRole("button", { name: /Viewer/ })
    .click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByLabel("E-mail").fill("admin@demo.lab");
  await page.getByLabel(/^Password/).fill("admin123");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("banner").getByText("Ada Admin").waitFor();
  await tab.getByRole("banner").getByText("Ada Admin").waitFor();
  await tab.getByRole("link", { name: "Audit log" }).waitFor();
});

test("the audit log leaves renewed sessions out unless they are asked for, and finds a policy's change", async () => {
  const page = await as("admin", "/settings");
  const days = page.getByLabel("Due soon, days ahead");
  await days.fill(String(40 + (Date.now() % 50)));
  await page.getByRole("button", { name: "Save" }).nth(1).click();
  await page.goto("/audit");
  await page.getByRole("cell", { name: "session login" }).first().waitFor();
  expect(await page.getByRole("cell", { name: "session refresh" }).count()).toBe(0);
  const what = page.getByLabel("What", { exact: true });
  await what.selectOption("everything");
  await page.getByRole("cell", { name: "session refresh" }).first().waitFor();
  await what.selectOption("policy");
  await page.getByRole("cell", { name: "policy update" }).first().waitFor();
});

test("a day is typed into the audit log, and one that is none narrows nothing down", async () => {
  const page = await as("admin", "/audit");
  await page.getByLabel("From").focus();
  await page.keyboard.type("01072026", { delay: 50 });
  await page.waitForURL(/since=2026-0[17]-0[17]/);
  await page.getByRole("cell", { name: "session login" }).first().waitFor();
  await page.goto("/audit?since=foo&until=2026-99-99");
  await page.getByRole("cell", { name: "session login" }).first().waitFor();
  expect(await page.getByRole("alert").count()).toBe(0);
});

test("two administrators change one policy: the second is told, and decides", async () => {
  expectProblems(/status of 409/);
  const mine = await as("admin", "/settings");
  const theirs = await as("admin", "/settings");
  const days = (page: typeof mine) => page.getByLabel("Due soon, days ahead");
  const save = (page: typeof mine) => page.getByRole("button", { name: "Save" }).nth(1);
  await days(mine).fill("91");
  await days(theirs).fill("92");
  await save(theirs).click();
  await expect.poll(() => save(theirs).getAttribute("aria-disabled")).toBe("true");
  await save(mine).click();
  await mine.getByText("Due soon, days ahead: stored is").waitFor();
  expect(await days(mine).inputValue()).toBe("91");
  await mine.getByRole("button", { name: "Keep mine, then save" }).click();
  await save(mine).click();
  await expect.poll(() => save(mine).getAttribute("aria-disabled")).toBe("true");
  await theirs.reload();
  await expect.poll(() => days(theirs).inputValue()).toBe("91");
});

test("who cannot be signed out is told so", async () => {
  expectProblems(/ERR_INTERNET_DISCONNECTED/);
  const page = await as("viewer", "/account");
  await page.context().setOffline(true);
  await page
    .getByRole("banner")
    .getByRole("button", { name: /Viewer/ })
    .click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  const told = page.getByRole("alert");
  await told.waitFor();
  await page.context().setOffline(false);
  await told.getByRole("button", { name: "Try again" }).click();
  await page.getByLabel("E-mail").waitFor();
});

test("two administrators change what is known of one person: the second is told, and decides", async () => {
  expectProblems(/status of 409/);
  const mine = await as("admin", "/users");
  const name = `Nora ${Date.now().toString(36)}`;
  await mine.getByRole("button", { name: "Add somebody" }).click();
  await mine.getByLabel("Name").fill(name);
  await mine.getByLabel("E-mail").fill(`${name.replace(" ", ".").toLowerCase()}@demo.lab`);
  await mine.getByLabel(/^First password/).fill("four unrelated words again");
  await mine.getByRole("button", { name: "Add", exact: true }).click();
  const edit = (page: typeof mine) => page.getByRole("button", { name: `Edit ${name}` });
  await edit(mine).click();
  await mine.getByRole("dialog").getByLabel("Name").fill(`${name} Mine`);
  const theirs = await as("admin", "/users");
  await edit(theirs).click();
  await theirs.getByRole("dialog").getByLabel("Role").selectOption({ label: "Technician" });
  await theirs.getByRole("button", { name: "Save" }).click();
  await theirs.getByRole("dialog").waitFor({ state: "hidden" });
  // The list is asked for anew meanwhile; the form stays with what it began with.
  await mine.waitForResponse(/UsersService\/ListUsers$/, { timeout: 20_000 });
  await mine.getByRole("button", { name: "Save" }).click();
  await mine.getByText("Role: stored is Technician").waitFor();
  await mine.getByRole("button", { name: "Take what is stored" }).click();
  expect(await mine.getByRole("dialog").getByLabel("Name").inputValue()).toBe(name);
  await mine.getByRole("button", { name: "Save" }).click();
  await mine.getByRole("dialog").waitFor({ state: "hidden" });
  await mine.getByRole("row", { name: new RegExp(`${name} .*Technician`) }).waitFor();
});
