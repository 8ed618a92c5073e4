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
