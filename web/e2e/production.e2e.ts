// The front door of a laboratory that is not for development: it offers nobody's account.
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { accessible, expectProblems, named, open, picture, ROLES } from "./browser";
import { freePort, PROGRAM } from "./lab";

const started: ChildProcess[] = [];

/** An edge alone: whoever comes without a session, it answers itself. */
async function edge(settings: NodeJS.ProcessEnv): Promise<string> {
  const [port, admin, nowhere] = [await freePort(), await freePort(), await freePort()];
  const urls = ["AUTH", "SAMPLES", "CALIBRATION", "RUNS"].map((name) => [
    `SPECTRA_${name}_URL`,
    `http://127.0.0.1:${nowhere}`,
  ]);
  const child = spawn(resolve(PROGRAM), ["serve", "edge"], {
    env: {
      PATH: process.env.PATH,
      ...Object.fromEntries(urls),
      SPECTRA_LISTEN: `127.0.0.1:${port}`,
      SPECTRA_ADMIN_LISTEN: `127.0.0.1:${admin}`,
      SPECTRA_FORMER_LISTEN: "none",
      ...settings,
    },
  });
  started.push(child);
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (log += data));
  const lab = `http://127.0.0.1:${port}`;
  await expect
    .poll(
      () =>
        fetch(lab, { headers: { accept: "text/html" } }).then(
          ({ status }) => status,
          () => `the edge does not answer:\n${log}`,
        ),
      { timeout: 30_000 },
    )
    .toBe(200);
  return lab;
}

afterAll(() =>
  Promise.all(
    started.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = new Promise((done) => child.once("exit", done));
      child.kill("SIGKILL");
      await exit;
    }),
  ),
);

const PRODUCTION = { SPECTRA_PROFILE: "production", JWT_ALGORITHM: "EdDSA", SPECTRA_BEHIND_TLS_MESH: "true" };

test.each([
  ["development", { SPECTRA_PROFILE: "development" }, 5],
  ["production", PRODUCTION, 0],
] as const)("in %s, the sign-in offers as many accounts as everybody may know", async (profile, settings, count) => {
  expectProblems(/status of 401/);
  const page = await open("/", { lab: await edge(settings) });
  await page.getByRole("textbox", { name: "E-mail" }).waitFor();
  await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  const accounts = page.getByRole("button", { name: new RegExp(`^(${Object.values(ROLES).join("|")})`) });
  expect(await accounts.count()).toBe(count);
  expect(await page.getByText("as somebody of the demo laboratory").count()).toBe(count > 0 ? 1 : 0);
  await accessible(page);
  await named(page);
  await picture(page, `sign-in-${profile}`);
});
