// What somebody types is not lost: on the way to another page, with a dialog, with the tab, or with a session.
import { expect, test } from "vitest";
import { accessible, as, expectProblems, named } from "./browser";

const unique = (name: string) => `${name}-${Date.now().toString(36)}`;
const question = { name: "Leave without saving?" };

test("a page whose form is not saved is left only by whoever says so", async () => {
  const page = await as("engineer", "/samples");
  await page.getByRole("button", { name: "Register a sample" }).click();
  const name = page.getByLabel("Name");
  await name.fill("W-half");
  await page.getByRole("link", { name: "Instruments" }).click();
  const dialog = page.getByRole("dialog", question);
  await dialog.waitFor();
  await accessible(page);
  await named(page);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  expect(await name.inputValue()).toBe("W-half");

  await page.goBack();
  await dialog.getByRole("button", { name: "Stay" }).click();
  await dialog.waitFor({ state: "hidden" });
  expect(new URL(page.url()).pathname).toBe("/samples/new");
  expect(await name.inputValue()).toBe("W-half");

  await page.getByRole("button", { name: "Cancel" }).click();
  await dialog.getByRole("button", { name: "Leave it" }).click();
  await page.getByRole("heading", { level: 1, name: "Samples" }).waitFor();
  expect(await page.getByRole("dialog").count()).toBe(0);
});

test("a form that nobody has written in is left without a question, and so is one that is saved", async () => {
  const page = await as("engineer", "/samples/new");
  await page.getByRole("link", { name: "Instruments" }).click();
  await page.getByRole("heading", { level: 1, name: "Instruments" }).waitFor();
  await page.goto("/samples/new");
  const name = unique("W-saved");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Material").fill("Si wafer");
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
});

test("a tab with a form that is not saved asks before it closes", async () => {
  const page = await as("engineer", "/samples/new");
  await page.getByLabel("Name").fill("W-half");
  const asked = page.waitForEvent("dialog");
  await page.close({ runBeforeUnload: true });
  const dialog = await asked;
  expect(dialog.type()).toBe("beforeunload");
  await dialog.dismiss();
  expect(await page.getByLabel("Name").inputValue()).toBe("W-half");
});

test("a dialog that was written in is closed only by whoever says so", async () => {
  const page = await as("pi", "/projects");
  await page.getByRole("button", { name: "New project" }).click();
  const form = page.getByRole("dialog", { name: "New project" });
  await form.getByLabel("Code").fill("HALF-1");
  await page.keyboard.press("Escape");
  const dialog = page.getByRole("dialog", question);
  await dialog.waitFor();
  // The second Escape is the question's: the form is still there.
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  expect(await form.getByLabel("Code").inputValue()).toBe("HALF-1");
  await form.getByRole("button", { name: "Close" }).click();
  await dialog.getByRole("button", { name: "Leave it" }).click();
  await form.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "New project" }).click();
  expect(await form.getByLabel("Code").inputValue()).toBe("");
});

test("signed out in another tab, what was being written is kept for its writer", async () => {
  expectProblems(/status of 401/);
  const page = await as("engineer", "/samples/new");
  const name = unique("W-kept");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Material").fill("Si wafer");
  const tab = await page.context().newPage();
  await tab.goto(new URL("/", page.url()).href);
  await tab
    .getByRole("banner")
    .getByRole("button", { name: /Engineer/ })
    .click();
  await tab.getByRole("menuitem", { name: "Sign out" }).click();
  await tab.getByLabel("E-mail").waitFor();
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  // Who it was, the page still knows.
  expect(await dialog.getByLabel("E-mail").inputValue()).toBe("engineer@demo.lab");
  await dialog.getByLabel(/^Password/).fill("eng123");
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
  expect(await page.getByLabel("Name").inputValue()).toBe(name);
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
});

test("what the server refuses stands at its field", async () => {
  expectProblems(/status of (400|401|409)/);
  const page = await as("engineer", "/samples/new");
  await page.getByLabel("Name").fill(unique("W-twice"));
  await page.getByLabel("Material").fill("Si wafer");
  await page.getByLabel("Barcode").fill("SPL-000031");
  await page.getByRole("button", { name: "Register" }).click();
  await expect.poll(() => page.getByLabel("Barcode").getAttribute("aria-invalid")).toBe("true");
  await page.getByText("is taken already").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("dialog", question).getByRole("button", { name: "Leave it" }).click();

  await page.goto("/account");
  const sent: string[] = [];
  page.on("request", (request) => sent.push(request.url()));
  await page.getByLabel(/^Current password/).fill("not this one");
  await page.getByLabel(/^New password/).fill("four unrelated words again");
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("This is not your password").waitFor();
  // Each try counts: it is sent once.
  expect(sent.filter((url) => url.endsWith("/ChangePassword"))).toHaveLength(1);

  const admin = await as("admin", "/settings");
  const zone = admin.getByLabel("Time zone");
  await zone.fill("Europe/Atlantis");
  await admin.getByRole("button", { name: "Save" }).first().click();
  await expect.poll(() => zone.getAttribute("aria-invalid")).toBe("true");
});
