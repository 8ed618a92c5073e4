import assert from "node:assert/strict";
import { test } from "node:test";
import { type CallOptions, Code, ConnectError } from "@connectrpc/connect";
import { LabError, NotFound, Unavailable } from "@spectra-lab/client";
import { AuthService } from "@spectra-lab/client/spectra/auth/v1/auth_service_pb";
import { SamplesService } from "@spectra-lab/client/spectra/samples/v1/samples_service_pb";
// Not for users of the package, and so by its path.
import { isRepeatable, waitMs } from "./node_modules/@spectra-lab/client/dist/retry.js";
import { watch } from "./node_modules/@spectra-lab/client/dist/watch.js";

test("what may be sent again", () => {
  const { getSample, createSample } = SamplesService.method;
  const { refreshToken, login, changePassword } = AuthService.method;
  for (const method of [getSample, createSample, refreshToken]) assert.ok(isRepeatable(method), method.name);
  for (const method of [login, changePassword]) assert.ok(!isRepeatable(method), method.name);
});

test("how long to wait", () => {
  const failed = (kind: typeof LabError, retryDelayMs?: number) =>
    Object.assign(new kind(new ConnectError("", Code.Unknown)), { retryDelayMs });
  const between = (from: number, to: number, wait?: number) => assert.ok(wait! >= from && wait! <= to, String(wait));
  between(50, 100, waitMs(failed(Unavailable), 1));
  between(200, 400, waitMs(failed(Unavailable), 3));
  between(1000, 2000, waitMs(failed(Unavailable), 99));
  between(1000, 1200, waitMs(failed(LabError, 1000), 1));
  assert.equal(waitMs(failed(LabError, 60_000), 1), undefined);
  assert.equal(waitMs(failed(NotFound), 1), undefined);
});

test("a watch that falls silent goes on where it was", async ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const asked: string[] = [];
  async function* method({ resumeToken }: { resumeToken: string }, options?: CallOptions) {
    asked.push(resumeToken);
    yield { resumeToken: `after ${asked.length}` };
    // As calls end whose own signal says so.
    await new Promise((_, reject) =>
      options!.signal!.addEventListener("abort", () => reject(new LabError(new ConnectError("", Code.Canceled)))));
  }
  const told = watch(method, { resumeToken: "" });
  await told.next();
  const next = told.next();
  for (const ms of [45_000, 5_000]) {
    await new Promise(setImmediate);
    mock.timers.tick(ms);
  }
  assert.equal((await next).value!.resumeToken, "after 2");
  assert.deepEqual(asked, ["", "after 1"]);
  await told.return();
});
