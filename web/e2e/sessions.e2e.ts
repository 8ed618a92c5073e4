// Sessions: one for all tabs of a browser, renewed once for all; and those in other browsers, ended from here.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Role } from "../src/gen/spectra/auth/v1/auth_pb";
import { as, expectProblems, open } from "./browser";
import { script } from "./node";

/** Longer than one renewal takes, so that all tabs want one meanwhile. */
const RENEWAL_MS = 500;
/** How long another browser may still be let in, with all that it takes to notice. */
const SECONDS = 10_000;
const SOON = { timeout: 10_000 };

test("of three tabs, one renews the session for all, and one signs all of them out", async () => {
  const first = await as("viewer", "/samples");
  const context = first.context();
  const tabs = [first, await context.newPage(), await context.newPage()];
  for (const tab of tabs.slice(1)) await tab.goto(first.url());
  for (const tab of tabs) await tab.getByRole("table", { name: "Samples" }).getByRole("link").first().waitFor();

  // From now on the tokens that the tabs have are refused, as those that have expired are.
  let renewals = 0;
  let refusals = 0;
  const renewed = new Set<string>();
  await context.route("**/web/session/refresh", async (route) => {
    renewals++;
    await new Promise((done) => setTimeout(done, RENEWAL_MS));
    const response = await route.fetch();
    renewed.add(`Bearer ${(await response.json()).access_token}`);
    await route.fulfill({ response });
  });
  await context.route(/\/spectra\.\w+\.v1\.\w+\/\w+$/, (route) => {
    if (renewed.has(route.request().headers().authorization ?? "")) return route.continue();
    refusals++;
    return route.fulfill({
      status: 200,
      headers: { "content-type": "application/grpc-web+proto", "grpc-status": "16" },
    });
  });
  await Promise.all(tabs.map((tab) => tab.getByRole("link", { name: "Instruments" }).click()));
  for (const tab of tabs) await tab.getByRole("table", { name: "Instruments" }).getByRole("link").first().waitFor();
  // A tab that was slow to ask had the new token before it was refused.
  expect(refusals).toBeGreaterThanOrEqual(1);
  expect(renewals).toBe(1);
  // Nor does one of them renew it later.
  for (const tab of tabs) await tab.getByRole("link", { name: "Recipes" }).click();
  for (const tab of tabs) await tab.getByRole("table", { name: "Recipes" }).getByRole("link").first().waitFor();
  expect(renewals).toBe(1);

  await first
    .getByRole("banner")
    .getByRole("button", { name: /Viewer/ })
    .click();
  await first.getByRole("menuitem", { name: "Sign out" }).click();
  for (const tab of tabs) await tab.getByLabel("E-mail").waitFor();
});

/** Somebody new, signed in nowhere yet, and how they sign in. */
async function somebody(name: string): Promise<(path: string) => Promise<Page>> {
  expectProblems(/status of 401/);
  const { users } = await script("admin@demo.lab", "admin123");
  const email = `${name}.${Date.now().toString(36)}@demo.lab`.toLowerCase();
  const password = "four unrelated words again";
  await users.createUser({ user: { email, displayName: name, role: Role.TECHNICIAN }, password });
  return async (path) => {
    const page = await open(path);
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel(/^Password/).fill(password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("banner").getByText(name).waitFor();
    return page;
  };
}

const sessions = (page: Page) => page.getByRole("table", { name: "Sessions" });
const endings = (page: Page) => sessions(page).getByRole("button", { name: /^End the session of/ });
const ended = (page: Page) => page.getByRole("dialog", { name: "Your session has ended" });

test("one's sessions are listed, and ending one of them shuts that browser out and no other", async () => {
  const enter = await somebody("Lea");
  const there = await enter("/samples");
  const elsewhere = await enter("/samples");
  const here = await enter("/account");
  await expect.poll(() => endings(here).count(), SOON).toBe(2);
  await sessions(here).getByText("This one").waitFor();
  expect(
    await sessions(here)
      .getByRole("row", { name: /Chrome, Linux.*127\.0\.0\.1/ })
      .count(),
  ).toBe(3);
  // The last used stand first: at the end is the browser that was opened first.
  await endings(here).last().click();
  await expect.poll(() => endings(here).count(), SOON).toBe(1);
  // Nobody touches either of them.
  await ended(there).waitFor({ timeout: SECONDS });
  await elsewhere.getByRole("link", { name: "Instruments" }).click();
  await elsewhere.getByRole("table", { name: "Instruments" }).getByRole("link").first().waitFor();
  expect(await ended(elsewhere).count()).toBe(0);
  // Whoever is shut out cannot come back by loading the page again.
  await there.reload();
  await there.getByLabel("E-mail").waitFor();
});

test("signed out everywhere, one is signed out in every browser within seconds", async () => {
  const enter = await somebody("Mia");
  const [one, two] = [await enter("/samples"), await enter("/runs")];
  const here = await enter("/account");
  await expect.poll(() => endings(here).count(), SOON).toBe(2);
  await here.getByRole("button", { name: "Sign out everywhere" }).click();
  await here.getByLabel("E-mail").waitFor();
  for (const page of [one, two]) await ended(page).waitFor({ timeout: SECONDS });
  const again = await enter("/account");
  await sessions(again).getByText("This one").waitFor();
  expect(await endings(again).count()).toBe(0);
});
