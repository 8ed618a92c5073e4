import type { DescMethod } from "@bufbuild/protobuf";
import { type LabError, Unavailable } from "./errors.js";

const FIRST_WAIT_MS = 100;
/** A lab that asks for more patience than this is not waited for. */
const LONGEST_WAIT_MS = 10_000;

/** Whether the call may be sent again: it only reads, or is known again by its request_id or refresh token. */
export function isRepeatable(method: DescMethod): boolean {
  return /^(Get|List|Export|Download)/.test(method.name) || hasRequestId(method) || method.name === "RefreshToken";
}

/** Whether the method knows a repetition by an id: each that changes something, and gives no secret, does. */
export function hasRequestId(method: DescMethod): boolean {
  return method.input.field.requestId !== undefined;
}

/** How long to wait before try number `tries` + 1, or undefined where another try is of no use. */
export function waitMs(error: LabError, tries: number, longest = 2_000): number | undefined {
  if (error.retryDelayMs !== undefined) {
    // A little later than asked for, each at another time.
    return error.retryDelayMs <= LONGEST_WAIT_MS ? error.retryDelayMs * (1 + Math.random() / 5) : undefined;
  }
  if (!(error instanceof Unavailable)) return undefined;
  return Math.min(FIRST_WAIT_MS * 2 ** (tries - 1), longest) * (0.5 + Math.random() / 2);
}

/** Waits; ends at once, and without an error, where the caller gives up. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
}
