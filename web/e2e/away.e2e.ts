// A service ends and comes again: its pages say so and recover by themselves, the others go on.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { as, expectProblems, open, signIn } from "./browser";
import { freePort, PROGRAM } from "./lab";
import { script } from "./node";

const OWN = !process.env.SPECTRA_ADDRESS;
/** So long away that the page's watch begins anew, and is not told what it missed. */
const LONG_MS = 16_000;

const processes: ChildProcess[] = [];
let lab: string;
let serve: (...names: string[]) => Promise<ChildProcess>;
/** Each by its name, in a process of its own. */
const services: Record<string, ChildProcess> = {};

/** The services of all tests' lab once more, in processes of these tests' own. */
beforeAll(async () => {
  if (!OWN) return;
  const data = inject("data");
  const edge = await freePort();
  lab = `http://127.0.0.1:${edge}`;
  const settings: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    DATABASE_URL: readFileSync(join(data, "database_url"), "utf8").trim(),
    JWT_SECRET: readFileSync(join(data, "jwt_secret"), "utf8").trim(),
    SPECTRA_LISTEN: `127.0.0.1:${edge}`,
    SPECTRA_FORMER_LISTEN: "none",
  };
  for (const name of ["AUTH", "CALIBRATION", "RUNS", "SAMPLES"]) {
    const port = await freePort();
    settings[`SPECTRA_${name}_LISTEN`] = `127.0.0.1:${port}`;
    settings[`SPECTRA_${name}_URL`] = `http://127.0.0.1:${port}`;
  }
  serve = async (...names) => {
    const admin = `127.0.0.1:${await freePort()}`;
    const started = spawn(resolve(PROGRAM), ["serve", ...names], {
      env: { ...settings, SPECTRA_ADMIN_LISTEN: admin },
      stdio: "ignore",
    });
    processes.push(started);
    for (let nth = 0; nth < 300; nth++) {
      if (
        await fetch(`http://${admin}/health`).then(
          (answer) => answer.ok,
          () => false,
        )
      )
        return started;
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`${names} did not start`);
  };
  await Promise.all(
    ["auth", "calibration", "runs", "samples", "edge"].map(async (name) => {
      services[name] = await serve(name);
    }),
  );
});
afterAll(async () => {
  await Promise.all(processes.map(ended));
});

const runs = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;

async function ended(process: ChildProcess | undefined): Promise<void> {
  if (!process || !runs(process)) return;
  const exit = new Promise((done) => process.once("exit", done));
  process.kill("SIGKILL");
  await exit;
}

/** A sample that is registered in all tests' lab, whose services go on. */
async function registered(what: string): Promise<string> {
  const engineer = await script("engineer@demo.lab", "eng123");
  const name = `W-${what}-${Date.now().toString(36)}`;
  await engineer.samples.createSample({ sample: { name, materialType: "Si wafer" } });
  return name;
}

const link = (page: Page, name: string) =>
  page.getByRole("table", { name: "Samples" }).getByRole("link", { name, exact: true });
const away = (page: Page) => page.getByText("Samples are away for the moment");

beforeEach(async () => {
  // The watch that the page had open breaks off.
  expectProblems(/status of 401/, /ERR_INCOMPLETE_CHUNKED_ENCODING/);
  for (const [name, process] of Object.entries(services)) if (!runs(process)) services[name] = await serve(name);
});

test.runIf(OWN)("samples end and come again: what does not need them goes on", async () => {
  const page = await as("engineer", "/samples", { lab });
  await page.getByRole("table", { name: "Samples" }).getByRole("link").first().waitFor();
  await ended(services.samples);
  await page.getByLabel("Search samples").fill("W01");
  await away(page).first().waitFor();
  await page.getByRole("link", { name: "Instruments" }).click();
  await page.getByRole("table", { name: "Instruments" }).getByRole("link").first().waitFor();
  await page.getByRole("link", { name: "Samples", exact: true }).click();
  await page.getByLabel("Search samples").fill("W02");
  await away(page).first().waitFor();
  // What is asked for last is answered without asking again.
  services.samples = await serve("samples");
  await page.getByRole("table", { name: "Samples" }).getByRole("link").first().waitFor({ timeout: 20_000 });
  await away(page).waitFor({ state: "hidden" });
  expect(await page.getByRole("alert").count()).toBe(0);
});

test.runIf(OWN).each([
  [
    "calibration",
    "Instruments",
    "instruments",
    "KEI",
    "Calibration is away for the moment",
    "No run can start until it is back.",
  ],
  ["runs", "Runs", "runs by sample", "2N7000", "Runs are away for the moment", "the other services go on."],
  ["auth", "People", "people", "Vera", "Sign-in is away for the moment", "the other services go on."],
])(
  "%s ends and comes again: its pages say so, the others go on, and it is there again by itself",
  async (service, place, searched, words, title, advice) => {
    expectProblems(/ERR_INCOMPLETE_CHUNKED_ENCODING/);
    const page = await as("admin", "/samples", { lab });
    const rows = (name: string) => page.getByRole("table", { name }).locator("tbody tr");
    const go = (name: string) => page.getByRole("link", { name, exact: true }).click();
    await rows("Samples").first().waitFor();
    await go(place);
    await rows(place).nth(1).waitFor();
    expect(await page.getByText(title).count()).toBe(0);
    await ended(services[service]);
    await page.getByLabel(`Search ${searched}`).fill(words.slice(0, 2));
    const told = page.getByRole("status").filter({ hasText: title });
    await told.getByText(advice).waitFor();
    await go("Samples");
    await rows("Samples").first().waitFor();
    await page.getByLabel("Search samples").fill("W01-D");
    await page.waitForURL(/q=W01-D/);
    await expect.poll(() => rows("Samples").count()).toBe(9);
    expect(await told.count()).toBe(0);
    await go(place);
    await page.getByLabel(`Search ${searched}`).fill(words);
    await told.waitFor();
    await expect.poll(() => rows(place).count(), { timeout: 10_000 }).toBe(0);
    // What is asked for last is answered without asking again.
    services[service] = await serve(service);
    await rows(place).getByText(words).first().waitFor({ timeout: 30_000 });
    await told.waitFor({ state: "hidden" });
    expect(await page.getByRole("alert").count()).toBe(0);
  },
);

test.runIf(OWN)("a page that was opened while samples were away fills itself", async () => {
  const name = await registered("before");
  await ended(services.samples);
  const page = await as("engineer", "/samples", { lab });
  await away(page).first().waitFor();
  expect(await page.getByRole("table", { name: "Samples" }).getByRole("link").count()).toBe(0);
  services.samples = await serve("samples");
  await link(page, name).waitFor({ timeout: 20_000 });
  await away(page).waitFor({ state: "hidden" });
  expect(await page.getByRole("alert").count()).toBe(0);
});

test.runIf(OWN).each([
  ["for a moment", 0],
  ["for long", LONG_MS],
])(
  "a page that nobody touches learns what happened while samples were away %s",
  { timeout: 120_000 },
  async (_, ms) => {
    const page = await open("/samples", { lab });
    const watch = page.waitForResponse(/WatchSamples$/);
    await signIn(page, "engineer");
    await watch;
    await page.getByRole("table", { name: "Samples" }).getByRole("link").first().waitFor();
    await ended(services.samples);
    const name = await registered("meanwhile");
    await new Promise((done) => setTimeout(done, ms));
    expect(await link(page, name).count()).toBe(0);
    services.samples = await serve("samples");
    await link(page, name).waitFor({ timeout: 30_000 });
    await away(page).waitFor({ state: "hidden" });
  },
);

test("a browser that takes itself for offline asks all the same, and its page says that nothing answers", async () => {
  expectProblems(/ERR_INTERNET_DISCONNECTED/);
  const page = await as("engineer", "/samples");
  const rows = page.getByRole("table", { name: "Samples" }).locator("tbody tr");
  await rows.first().waitFor();
  await page.context().setOffline(true);
  await page.getByLabel("Search samples").fill("W01-D");
  const told = page.getByRole("status").filter({ hasText: "The laboratory cannot be reached" });
  await told.waitFor();
  await page.context().setOffline(false);
  await expect.poll(() => rows.count(), { timeout: 20_000 }).toBe(9);
  await told.waitFor({ state: "hidden" });
  expect(await page.getByRole("alert").count()).toBe(0);
});
