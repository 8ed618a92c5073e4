import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb";
import { failure } from "./failure";
import { SessionError } from "./session";

test("an error is read by its details", () => {
  const info = create(ErrorInfoSchema, { reason: "SAMPLES_UNREACHABLE", metadata: { request_id: "r-1" } });
  const error = new ConnectError("samples cannot be reached", Code.Unavailable, undefined, [
    { desc: ErrorInfoSchema, value: info },
    { desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 5e8 } }) },
    {
      desc: BadRequestSchema,
      value: create(BadRequestSchema, { fieldViolations: [{ field: "sample.name", description: "is needed" }] }),
    },
  ]);
  expect(failure(error)).toMatchObject({
    reason: "SAMPLES_UNREACHABLE",
    requestId: "r-1",
    retryAfterMs: 1500,
    away: true,
    violations: [{ field: "sample.name", description: "is needed" }],
  });
});

test("where nothing answers, the lab is away and nobody is signed out", () => {
  expect(failure(new TypeError("Failed to fetch"))).toMatchObject({ reason: "UNREACHABLE", away: true });
  expect(failure(new SessionError(401, "TOKEN_REVOKED", "ended", "r-2"))).toMatchObject({
    reason: "TOKEN_REVOKED",
    away: false,
  });
});

test("a refusal without details is named by its code", () => {
  expect(failure(new ConnectError("no", Code.PermissionDenied)).reason).toBe("PERMISSION_DENIED");
});

test("a fault of the page is not taken for a laboratory that is away", () => {
  const fault = new TypeError("Cannot read properties of undefined (reading 'name')");
  expect(failure(fault)).toMatchObject({ reason: "PAGE_FAULT", away: false });
});
