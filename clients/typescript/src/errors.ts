import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import type { ErrorReason } from "./gen/spectra/common/v1/error_reason_pb.js";

/** Why a call was refused: the names of error_reason.proto. */
export type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

/** A fault of one field of a request. */
export type Violation = { field: string; description: string };

/** A call that did not succeed. Decide by the class or the reason, never by the message. */
export class LabError extends Error {
  /** The code of gRPC. */
  readonly code: Code;
  /** Why; empty where the answer is not the lab's, as when no connection came about. */
  readonly reason: Reason | "";
  /** What it is about: the keys that error_reason.proto names. */
  readonly metadata: Readonly<Record<string, string>>;
  /** To be quoted to the operator. */
  readonly requestId: string;
  /** After how long another try is worth it, where the lab says so. */
  readonly retryDelayMs: number | undefined;
  /** Which fields of the request are wrong. */
  readonly violations: readonly Violation[];

  constructor(from: ConnectError) {
    super(from.rawMessage, { cause: from });
    const info = labInfo(from);
    this.name = new.target.name;
    this.code = from.code;
    this.reason = (info?.reason ?? "") as Reason | "";
    this.metadata = info?.metadata ?? {};
    this.requestId = this.metadata.request_id ?? "";
    const delay = from.findDetails(RetryInfoSchema)[0]?.retryDelay;
    this.retryDelayMs = delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6;
    this.violations = from.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations);
  }
}

/** The request breaks a rule, whatever the state of the lab. */
export class InvalidRequest extends LabError {}
/** No token, one that is not accepted, or wrong credentials. */
export class NotSignedIn extends LabError {}
/** The role does not hold the permission. */
export class PermissionDenied extends LabError {}
/** Not there, or another organization's. */
export class NotFound extends LabError {}
/** A name, barcode or code is taken. */
export class AlreadyExists extends LabError {}
/** The resource changed since it was read. */
export class EtagMismatch extends LabError {}
/** The lockout: no certificate in force lets the instrument be used for this. */
export class CalibrationNotInForce extends LabError {}
/** The instrument is out of service, or another run is active on it. */
export class InstrumentUnavailable extends LabError {}
/** The sample is in use, quarantined or gone. */
export class SampleUnavailable extends LabError {}
/** The policy wants an approved recipe, or an approval by somebody else. */
export class RecipeNotApproved extends LabError {}
/** The state does not allow the step. */
export class StateConflict extends LabError {}
/** Too many attempts, or a quota is used up. */
export class LimitReached extends LabError {}
/** The lab, or a part of it, cannot be reached now. */
export class Unavailable extends LabError {}
/** Time ran out; whether a change took effect is unknown. */
export class DeadlineExceeded extends LabError {}
/** What happened since the resume_token cannot be told: read everything, and watch without one. */
export class ResumeTokenExpired extends LabError {}
/** The server does not have this method. */
export class Unimplemented extends LabError {}
/** A fault of the lab's. */
export class InternalError extends LabError {}

// A reason that the contract has and this table has not does not compile.
const CLASSES: Record<Reason, typeof LabError> = {
  FIELD_INVALID: InvalidRequest,
  FIELD_READ_ONLY: InvalidRequest,
  FILTER_INVALID: InvalidRequest,
  PAGE_TOKEN_INVALID: InvalidRequest,
  REQUEST_ID_REUSED: InvalidRequest,
  PARAMS_INVALID: InvalidRequest,
  PASSWORD_WEAK: InvalidRequest,
  RESUME_TOKEN_INVALID: InvalidRequest,
  RESUME_TOKEN_EXPIRED: ResumeTokenExpired,
  TOKEN_MISSING: NotSignedIn,
  TOKEN_EXPIRED: NotSignedIn,
  TOKEN_INVALID: NotSignedIn,
  TOKEN_AUDIENCE: NotSignedIn,
  TOKEN_REVOKED: NotSignedIn,
  TOKEN_REUSED: NotSignedIn,
  CREDENTIALS_INVALID: NotSignedIn,
  MFA_REQUIRED: NotSignedIn,
  PERMISSION_DENIED: PermissionDenied,
  RESOURCE_NOT_FOUND: NotFound,
  RESOURCE_EXISTS: AlreadyExists,
  ETAG_MISMATCH: EtagMismatch,
  CALIBRATION_EXPIRED: CalibrationNotInForce,
  CALIBRATION_MISSING: CalibrationNotInForce,
  CALIBRATION_NOT_YET_VALID: CalibrationNotInForce,
  CALIBRATION_REVOKED: CalibrationNotInForce,
  CALIBRATION_OUT_OF_TOLERANCE: CalibrationNotInForce,
  CALIBRATION_SCOPE: CalibrationNotInForce,
  INSTRUMENT_OUT_OF_SERVICE: InstrumentUnavailable,
  INSTRUMENT_BUSY: InstrumentUnavailable,
  SAMPLE_UNAVAILABLE: SampleUnavailable,
  RECIPE_NOT_APPROVED: RecipeNotApproved,
  FOUR_EYES_REQUIRED: RecipeNotApproved,
  STATE_CONFLICT: StateConflict,
  GRANT_LAPSED: StateConflict,
  THROTTLED: LimitReached,
  QUOTA: LimitReached,
  DATABASE_UNAVAILABLE: Unavailable,
  CALIBRATION_UNREACHABLE: Unavailable,
  SAMPLES_UNREACHABLE: Unavailable,
  AUTH_UNREACHABLE: Unavailable,
  RUNS_UNREACHABLE: Unavailable,
  DRAINING: Unavailable,
  OVERLOADED: Unavailable,
  DEADLINE_EXCEEDED: DeadlineExceeded,
  METHOD_UNKNOWN: Unimplemented,
  INTERNAL: InternalError,
};

/** What a connection that broke or never came about looks like: these codes, and nothing of the lab's with them. */
const CONNECTION_CODES = new Set([Code.Unavailable, Code.Aborted, Code.Internal, Code.Unknown, Code.DataLoss]);

/** The typed error for whatever a call threw. `cancelled` says that the caller gave up on it. */
export function labError(thrown: unknown, cancelled = false): LabError {
  if (thrown instanceof LabError) return thrown;
  const error = ConnectError.from(thrown);
  const reason = labInfo(error)?.reason;
  if (reason !== undefined) return new (CLASSES[reason as Reason] ?? LabError)(error);
  if (error.code === Code.DeadlineExceeded) return new DeadlineExceeded(error);
  // A server that ends the connection cancels what is under way.
  const lost = CONNECTION_CODES.has(error.code) || (error.code === Code.Canceled && !cancelled);
  return lost ? new Unavailable(error) : new LabError(error);
}

function labInfo(error: ConnectError) {
  return error.findDetails(ErrorInfoSchema).find((info) => info.domain === "spectra-lab");
}
