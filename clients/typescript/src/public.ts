export {
  AlreadyExists,
  CalibrationNotInForce,
  DeadlineExceeded,
  EtagMismatch,
  InstrumentUnavailable,
  InternalError,
  InvalidRequest,
  LabError,
  LimitReached,
  NotFound,
  NotSignedIn,
  PermissionDenied,
  RecipeNotApproved,
  ResumeTokenExpired,
  SampleUnavailable,
  StateConflict,
  Unavailable,
  Unimplemented,
  type Reason,
  type Violation,
} from "./errors.js";
export { Lab, type Options } from "./lab.js";
export type { Credentials, Tokens } from "./session.js";
