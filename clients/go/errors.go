package spectralab

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Kind is the family of a reason: errors.Is(err, CalibrationNotInForce) asks for it.
type Kind string

func (kind Kind) Error() string { return string(kind) }

// The kinds.
const (
	// InvalidRequest breaks a rule, whatever the state of the lab.
	InvalidRequest Kind = "InvalidRequest"
	// NotSignedIn is no token, one that is not accepted, or wrong credentials.
	NotSignedIn Kind = "NotSignedIn"
	// PermissionDenied: the role does not hold the permission.
	PermissionDenied Kind = "PermissionDenied"
	// NotFound is not there, or another organization's.
	NotFound Kind = "NotFound"
	// AlreadyExists: a name, barcode or code is taken.
	AlreadyExists Kind = "AlreadyExists"
	// EtagMismatch: the resource changed since it was read.
	EtagMismatch Kind = "EtagMismatch"
	// CalibrationNotInForce is the lockout: no certificate in force lets the instrument be used for this.
	CalibrationNotInForce Kind = "CalibrationNotInForce"
	// InstrumentUnavailable is out of service, or another run is active on it.
	InstrumentUnavailable Kind = "InstrumentUnavailable"
	// SampleUnavailable is in use, quarantined or gone.
	SampleUnavailable Kind = "SampleUnavailable"
	// RecipeNotApproved: the policy wants an approved recipe, or an approval by somebody else.
	RecipeNotApproved Kind = "RecipeNotApproved"
	// StateConflict: the state does not allow the step.
	StateConflict Kind = "StateConflict"
	// LimitReached: too many attempts, or a quota is used up.
	LimitReached Kind = "LimitReached"
	// Unavailable: the lab, or a part of it, cannot be reached now.
	Unavailable Kind = "Unavailable"
	// DeadlineExceeded: time ran out; whether a change took effect is unknown.
	DeadlineExceeded Kind = "DeadlineExceeded"
	// ResumeTokenExpired: what happened since cannot be told; read everything, and watch without a token.
	ResumeTokenExpired Kind = "ResumeTokenExpired"
	// Unimplemented: the server does not have this method.
	Unimplemented Kind = "Unimplemented"
	// InternalError is a fault of the lab's.
	InternalError Kind = "InternalError"
)

// A test holds this against the contract.
var kinds = map[string]Kind{
	"FIELD_INVALID":                InvalidRequest,
	"FIELD_READ_ONLY":              InvalidRequest,
	"FILTER_INVALID":               InvalidRequest,
	"PAGE_TOKEN_INVALID":           InvalidRequest,
	"REQUEST_ID_REUSED":            InvalidRequest,
	"PARAMS_INVALID":               InvalidRequest,
	"PASSWORD_WEAK":                InvalidRequest,
	"RESUME_TOKEN_INVALID":         InvalidRequest,
	"RESUME_TOKEN_EXPIRED":         ResumeTokenExpired,
	"TOKEN_MISSING":                NotSignedIn,
	"TOKEN_EXPIRED":                NotSignedIn,
	"TOKEN_INVALID":                NotSignedIn,
	"TOKEN_AUDIENCE":               NotSignedIn,
	"TOKEN_REVOKED":                NotSignedIn,
	"TOKEN_REUSED":                 NotSignedIn,
	"CREDENTIALS_INVALID":          NotSignedIn,
	"MFA_REQUIRED":                 NotSignedIn,
	"PERMISSION_DENIED":            PermissionDenied,
	"RESOURCE_NOT_FOUND":           NotFound,
	"RESOURCE_EXISTS":              AlreadyExists,
	"ETAG_MISMATCH":                EtagMismatch,
	"CALIBRATION_EXPIRED":          CalibrationNotInForce,
	"CALIBRATION_MISSING":          CalibrationNotInForce,
	"CALIBRATION_NOT_YET_VALID":    CalibrationNotInForce,
	"CALIBRATION_REVOKED":          CalibrationNotInForce,
	"CALIBRATION_OUT_OF_TOLERANCE": CalibrationNotInForce,
	"CALIBRATION_SCOPE":            CalibrationNotInForce,
	"INSTRUMENT_OUT_OF_SERVICE":    InstrumentUnavailable,
	"INSTRUMENT_BUSY":              InstrumentUnavailable,
	"SAMPLE_UNAVAILABLE":           SampleUnavailable,
	"RECIPE_NOT_APPROVED":          RecipeNotApproved,
	"FOUR_EYES_REQUIRED":           RecipeNotApproved,
	"STATE_CONFLICT":               StateConflict,
	"GRANT_LAPSED":                 StateConflict,
	"THROTTLED":                    LimitReached,
	"QUOTA":                        LimitReached,
	"DATABASE_UNAVAILABLE":         Unavailable,
	"CALIBRATION_UNREACHABLE":      Unavailable,
	"SAMPLES_UNREACHABLE":          Unavailable,
	"AUTH_UNREACHABLE":             Unavailable,
	"RUNS_UNREACHABLE":             Unavailable,
	"DRAINING":                     Unavailable,
	"OVERLOADED":                   Unavailable,
	"DEADLINE_EXCEEDED":            DeadlineExceeded,
	"METHOD_UNKNOWN":               Unimplemented,
	"INTERNAL":                     InternalError,
}

// Violation is a fault of one field of a request.
type Violation struct{ Field, Description string }

// Error is a call that did not succeed. Decide by the kind or the reason, never by the message.
type Error struct {
	// Kind is the family of the reason.
	Kind Kind
	// Reason is a name of error_reason.proto; empty where the answer is not the lab's, as when no connection came about.
	Reason string
	// Metadata says what it is about, by the keys that error_reason.proto names.
	Metadata map[string]string
	// RequestID is to be quoted to the operator.
	RequestID string
	// RetryDelay is after how long another try is worth it, where the lab says so.
	RetryDelay time.Duration
	// Violations are the fields of the request that are wrong.
	Violations []Violation

	status *status.Status
	cause  error
}

// ErrorOf is the Error in what a call returned, as errors.As finds it; nil where there is none.
func ErrorOf(err error) *Error {
	var failure *Error
	errors.As(err, &failure)
	return failure
}

// Must is for programs that end at the first error: it gives the answer, or panics.
func Must[Answer any](answer Answer, err error) Answer {
	if err != nil {
		panic(err)
	}
	return answer
}

func (e *Error) Error() string {
	if e.Reason == "" {
		return e.status.Message()
	}
	return e.Reason + ": " + e.status.Message()
}

// GRPCStatus is the status as it came.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Is says whether the target is the error's kind.
func (e *Error) Is(target error) bool { return target == e.Kind }

// Unwrap is the context's error, where the caller gave up.
func (e *Error) Unwrap() error { return e.cause }

// asError is the typed error for whatever a call returned; `cause` is the context's.
func asError(err, cause error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	failed := status.Convert(err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		failed = status.FromContextError(err)
	}
	e := &Error{status: failed, cause: cause}
	for _, detail := range failed.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == "spectra-lab" {
				e.Reason, e.Metadata = detail.GetReason(), detail.GetMetadata()
				e.Kind, e.RequestID = kinds[e.Reason], e.Metadata["request_id"]
			}
		case *errdetails.RetryInfo:
			e.RetryDelay = detail.GetRetryDelay().AsDuration()
		case *errdetails.BadRequest:
			for _, bad := range detail.GetFieldViolations() {
				e.Violations = append(e.Violations, Violation{bad.GetField(), bad.GetDescription()})
			}
		}
	}
	if e.Reason == "" {
		e.Kind = kindOf(failed.Code(), cause != nil)
	}
	return e
}

// kindOf is for what is not the lab's own: a connection that broke or never came about, mostly.
func kindOf(code codes.Code, givenUp bool) Kind {
	switch code {
	case codes.DeadlineExceeded:
		return DeadlineExceeded
	case codes.Unavailable, codes.Aborted, codes.Internal, codes.Unknown, codes.DataLoss:
		return Unavailable
	case codes.Canceled:
		// A server that ends the connection cancels what is under way.
		if !givenUp {
			return Unavailable
		}
	}
	return ""
}
