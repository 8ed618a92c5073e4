// An error of a call, read by its ErrorInfo.
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb";
import { SessionError } from "./session";

export interface Failure {
  /** Such as CALIBRATION_EXPIRED; UNREACHABLE where nothing answered. */
  reason: string;
  /** What the server says. */
  message: string;
  /** By which the lab's operators find it. */
  requestId: string;
  metadata: Record<string, string>;
  violations: { field: string; description: string }[];
  /** Another try is worth it then. */
  retryAfterMs?: number;
  /** A service is away for the moment. */
  away: boolean;
}

/** How browsers say that nothing could be fetched, a page's code among it; any other error here is a fault of the page. */
const NOT_FETCHED = /failed to fetch|networkerror|load failed|error loading|importing a module/i;

export function failure(error: unknown): Failure {
  if (error instanceof SessionError) {
    const { reason, message, requestId, retryAfterMs } = error;
    const away = error.status >= 502;
    return {
      reason,
      message,
      requestId,
      metadata: {},
      violations: [],
      away,
      ...(retryAfterMs ? { retryAfterMs } : {}),
    };
  }
  if (!(error instanceof ConnectError)) {
    const message = error instanceof Error ? error.message : String(error);
    const away = error instanceof TypeError && NOT_FETCHED.test(message);
    const reason = away ? "UNREACHABLE" : "PAGE_FAULT";
    return { reason, message, requestId: "", metadata: {}, violations: [], away };
  }
  const info = error.findDetails(ErrorInfoSchema)[0];
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const violations = error.findDetails(BadRequestSchema).flatMap((request) => request.fieldViolations);
  // Without details it was not the lab that answered: the connection broke, or something between refused.
  const lost = !info && (error.code === Code.Unknown || error.code === Code.Unavailable);
  return {
    reason:
      info?.reason ?? (lost ? "UNREACHABLE" : Code[error.code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()),
    message: error.rawMessage,
    requestId: info?.metadata.request_id ?? error.metadata.get("x-request-id") ?? "",
    metadata: info?.metadata ?? {},
    violations: violations.map(({ field, description }) => ({ field, description })),
    away: lost || error.code === Code.Unavailable,
    ...(delay ? { retryAfterMs: Number(delay.seconds) * 1000 + delay.nanos / 1e6 } : {}),
  };
}
