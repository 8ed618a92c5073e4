// A refusal says by which id the laboratory's operators find it: that of the call's answer, and of the audit log.
import type { Locator, Page, Response } from "playwright-core";
import { expect, test } from "vitest";
import { as, enter, expectProblems, open } from "./browser";
import { certificate, demoRecipe, instrument, queue, script } from "./node";

const unique = (name: string) => `${name}-${Date.now().toString(36)}`;

const idOf = (response: Response) => response.headers()["x-request-id"] ?? "";
/** The id that stands in an error. */
const told = (error: Locator) =>
  error
    .getByText(/^Request /)
    .locator("code")
    .innerText();

/** Does something that calls this method, and gives the id that the answer carried. */
async function answered(page: Page, method: RegExp, act: () => Promise<unknown>): Promise<string> {
  const [response] = await Promise.all([page.waitForResponse(method), act()]);
  const id = idOf(response);
  expect(id).toMatch(/^[\w-]{16,}$/);
  return id;
}

test("a step that is refused tells the id of its answer, and a second try that of its own", async () => {
  expectProblems(/status of 4\d\d/);
  const name = unique("REFUSED");
  const instrumentId = await instrument(name);
  const calibrationId = await certificate(instrumentId, name);
  const page = await as("technician", `/runs/${await queue(instrumentId, name, await demoRecipe())}`);
  await page.getByRole("main").getByRole("button", { name: "Start", exact: true }).click();
  const dialog = page.getByRole("dialog");
  const start = () => dialog.getByRole("button", { name: "Start run" }).click();
  await dialog.getByRole("button", { name: "Start run" }).waitFor();
  expect(await dialog.getByText(/^Request /).count()).toBe(0);
  const { calibrations } = await script("pi@demo.lab", "pi123");
  await calibrations.revokeCalibration({ id: calibrationId, comment: "Of another instrument" });
  const first = await answered(page, /\/StartRun$/, start);
  await expect.poll(() => told(dialog.getByRole("alert"))).toBe(first);
  const second = await answered(page, /\/StartRun$/, start);
  expect(second).not.toBe(first);
  await expect.poll(() => told(dialog.getByRole("alert"))).toBe(second);
});

test("what a role may not read tells the id under which the audit log has the refused call", async () => {
  expectProblems(/status of 403/);
  const page = await as("viewer");
  const id = await answered(page, /\/ListAuditEvents$/, () => page.goto("/audit"));
  expect(await told(page.getByRole("alert"))).toBe(id);
  const { audit } = await script("admin@demo.lab", "admin123");
  const { events } = await audit.listAuditEvents({ filter: 'resource = "call"', pageSize: 100 });
  expect(events.map((event) => event.requestId)).toContain(id);
});

test("a sign-in that is refused tells its id as well", async () => {
  const page = await open("/");
  const [response] = await Promise.all([
    page.waitForResponse((one) => one.url().endsWith("/web/session") && one.request().method() === "POST"),
    enter(page, "engineer@demo.lab", "not this one", false),
  ]);
  const id = idOf(response);
  expect(id).toMatch(/^[\w-]{16,}$/);
  const { detail } = await response.json();
  expect(detail.request_id).toBe(id);
  await expect.poll(() => told(page.getByRole("alert"))).toBe(id);
});

test("where nothing has answered, there is no id to tell", async () => {
  expectProblems(/status of 401/, /ERR_FAILED/);
  const page = await open("/");
  await page.route("**/web/session", (route) => route.abort());
  await enter(page, "engineer@demo.lab", "eng123", false);
  await page.getByRole("alert", { name: "The laboratory cannot be reached" }).waitFor();
  expect(await page.getByText(/^Request /).count()).toBe(0);
});
