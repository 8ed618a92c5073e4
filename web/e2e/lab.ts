// Starts a real laboratory for the browser tests, or takes the one at SPECTRA_ADDRESS.
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Such as http://127.0.0.1:40123. */
    lab: string;
    /** Folder of its database's address and secret; empty where the lab was given. */
    data: string;
  }
}

export const PROGRAM = process.env.SPECTRA ?? "../target/debug/spectra";
const START_LIMIT_MS = 180_000;

/** A port that nobody listens at, below those that the system takes for connections. */
export async function freePort(): Promise<number> {
  const port = 12_000 + Math.floor(20_000 * Math.random());
  return new Promise((done) => {
    const server = createServer().once("error", () => done(freePort()));
    server.listen(port, "127.0.0.1", () => server.close(() => done(port)));
  });
}

export default async function setup(project: TestProject) {
  const given = process.env.SPECTRA_ADDRESS;
  if (given) {
    project.provide("lab", `http://${given}`);
    project.provide("data", "");
    return;
  }
  const program = resolve(PROGRAM);
  const folder = mkdtempSync(join(tmpdir(), "web-"));
  // Started by root, the database runs as another user, who passes through.
  chmodSync(folder, 0o711);
  const [port, admin] = [await freePort(), await freePort()];
  const { PATH, HOME, LANG = "C.UTF-8", TMPDIR = "/tmp", SPECTRA_PG_BIN = "" } = process.env;
  let log = "";
  const lab: ChildProcess = spawn(program, ["up", "--data", join(folder, "data")], {
    env: {
      PATH,
      HOME,
      LANG,
      TMPDIR,
      SPECTRA_PG_BIN,
      SPECTRA_LISTEN: `127.0.0.1:${port}`,
      SPECTRA_ADMIN_LISTEN: `127.0.0.1:${admin}`,
      SPECTRA_FORMER_LISTEN: "none",
    },
  });
  for (const stream of [lab.stdout, lab.stderr]) stream?.on("data", (data) => (log += data));
  const address = `http://127.0.0.1:${port}`;
  const started = Date.now();
  while (!(await serves(`http://127.0.0.1:${admin}/health`, log))) {
    if (lab.exitCode !== null || Date.now() - started > START_LIMIT_MS)
      throw new Error(`the lab did not start:\n${log}`);
    await new Promise((done) => setTimeout(done, 200));
  }
  project.provide("lab", address);
  project.provide("data", join(folder, "data"));
  return async () => {
    lab.kill("SIGINT");
    await new Promise((done) => (lab.exitCode === null ? lab.once("exit", done) : done(undefined)));
    rmSync(folder, { recursive: true, force: true });
  };
}

/** Seeded and listening: the program says so, and its health answers. */
async function serves(health: string, log: string): Promise<boolean> {
  if (!log.includes("SPECTRA-Lab is running")) return false;
  return fetch(health).then(
    (answer) => answer.ok,
    () => false,
  );
}
