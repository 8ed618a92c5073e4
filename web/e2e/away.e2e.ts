// A service ends and comes again: its pages say so and recover by themselves, the others go on.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { as, expectProblems } from "./browser";
import { freePort, PROGRAM } from "./lab";

const processes: ChildProcess[] = [];
afterAll(async () => {
  await Promise.all(processes.map(ended));
});

async function ended(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const exit = new Promise((done) => process.once("exit", done));
  process.kill("SIGKILL");
  await exit;
}

test.skipIf(process.env.SPECTRA_ADDRESS)("samples end and come again, in processes of the test's own", async () => {
  // The watch that the page had open breaks off.
  expectProblems(/status of 401/, /ERR_INCOMPLETE_CHUNKED_ENCODING/);
  const data = inject("data");
  const [edge, samples] = [await freePort(), await freePort()];
  const services = { AUTH: await freePort(), CALIBRATION: await freePort(), RUNS: await freePort(), SAMPLES: samples };
  const settings: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    DATABASE_URL: readFileSync(join(data, "database_url"), "utf8").trim(),
    JWT_SECRET: readFileSync(join(data, "jwt_secret"), "utf8").trim(),
    SPECTRA_LISTEN: `127.0.0.1:${edge}`,
    SPECTRA_FORMER_LISTEN: "none",
  };
  for (const [name, port] of Object.entries(services)) {
    settings[`SPECTRA_${name}_LISTEN`] = `127.0.0.1:${port}`;
    settings[`SPECTRA_${name}_URL`] = `http://127.0.0.1:${port}`;
  }
  const serve = async (...names: string[]) => {
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
  const first = await serve("samples");
  await serve("auth", "calibration", "runs", "edge");

  const page = await as("engineer", "/samples", { lab: `http://127.0.0.1:${edge}` });
  await page.getByRole("table", { name: "Samples" }).getByRole("link").first().waitFor();
  await ended(first);
  await page.getByLabel("Search samples").fill("W01");
  await page.getByText("Samples are away for the moment").first().waitFor();
  // What does not need them goes on.
  await page.getByRole("link", { name: "Instruments" }).click();
  await page.getByRole("table", { name: "Instruments" }).getByRole("link").first().waitFor();
  await page.getByRole("link", { name: "Samples", exact: true }).click();
  await page.getByLabel("Search samples").fill("W02");
  await page.getByText("Samples are away for the moment").first().waitFor();
  await serve("samples");
  await page.getByLabel("Search samples").fill("W01");
  await page.getByRole("table", { name: "Samples" }).getByRole("link").first().waitFor({ timeout: 20_000 });
  await page.getByText("Samples are away for the moment").waitFor({ state: "hidden" });
  expect(await page.getByRole("alert").count()).toBe(0);
});
