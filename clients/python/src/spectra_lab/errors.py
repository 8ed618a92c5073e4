"""Errors as classes, by the reason that the lab gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(frozen=True)
class Violation:
    """A fault of one field of a request."""

    field: str
    description: str


class LabError(Exception):
    """A call that did not succeed. Decide by the class or the reason, never by the message."""

    def __init__(self, error: Any) -> None:
        super().__init__(error.details())
        #: The code of gRPC.
        self.code: grpc.StatusCode = error.code()
        #: Why: a name of error_reason.proto. Empty where the answer is not the lab's, as when no connection came about.
        self.reason = ""
        #: What it is about: the keys that error_reason.proto names.
        self.metadata: dict[str, str] = {}
        #: After how many seconds another try is worth it, where the lab says so.
        self.retry_delay: float | None = None
        #: Which fields of the request are wrong.
        self.violations: list[Violation] = []
        for detail in _details(error):
            if isinstance(detail, error_details_pb2.ErrorInfo):
                self.reason, self.metadata = detail.reason, dict(detail.metadata)
            elif isinstance(detail, error_details_pb2.RetryInfo):
                self.retry_delay = detail.retry_delay.ToTimedelta().total_seconds()
            else:
                self.violations += [Violation(bad.field, bad.description) for bad in detail.field_violations]

    @property
    def request_id(self) -> str:
        """To be quoted to the operator."""
        return self.metadata.get("request_id", "")

    def __str__(self) -> str:
        return f"{self.reason or self.code.name}: {self.args[0]}"


class InvalidRequest(LabError):
    """The request breaks a rule, whatever the state of the lab."""


class NotSignedIn(LabError):
    """No token, one that is not accepted, or wrong credentials."""


class PermissionDenied(LabError):
    """The role does not hold the permission."""


class NotFound(LabError):
    """Not there, or another organization's."""


class AlreadyExists(LabError):
    """A name, barcode or code is taken."""


class EtagMismatch(LabError):
    """The resource changed since it was read."""


class CalibrationNotInForce(LabError):
    """The lockout: no certificate in force lets the instrument be used for this."""


class InstrumentUnavailable(LabError):
    """The instrument is out of service, or another run is active on it."""


class SampleUnavailable(LabError):
    """The sample is in use, quarantined or gone."""


class RecipeNotApproved(LabError):
    """The policy wants an approved recipe, or an approval by somebody else."""


class StateConflict(LabError):
    """The state does not allow the step."""


class LimitReached(LabError):
    """Too many attempts, or a quota is used up."""


class Unavailable(LabError):
    """The lab, or a part of it, cannot be reached now."""


class DeadlineExceeded(LabError):
    """Time ran out; whether a change took effect is unknown."""


class ResumeTokenExpired(LabError):
    """What happened since the resume_token cannot be told: read everything, and watch without one."""


class Unimplemented(LabError):
    """The server does not have this method."""


class InternalError(LabError):
    """A fault of the lab's."""


#: A test holds this against the contract.
CLASSES: dict[str, type[LabError]] = {
    "FIELD_INVALID": InvalidRequest,
    "FIELD_READ_ONLY": InvalidRequest,
    "FILTER_INVALID": InvalidRequest,
    "PAGE_TOKEN_INVALID": InvalidRequest,
    "REQUEST_ID_REUSED": InvalidRequest,
    "PARAMS_INVALID": InvalidRequest,
    "PASSWORD_WEAK": InvalidRequest,
    "RESUME_TOKEN_INVALID": InvalidRequest,
    "RESUME_TOKEN_EXPIRED": ResumeTokenExpired,
    "TOKEN_MISSING": NotSignedIn,
    "TOKEN_EXPIRED": NotSignedIn,
    "TOKEN_INVALID": NotSignedIn,
    "TOKEN_AUDIENCE": NotSignedIn,
    "TOKEN_REVOKED": NotSignedIn,
    "TOKEN_REUSED": NotSignedIn,
    "CREDENTIALS_INVALID": NotSignedIn,
    "MFA_REQUIRED": NotSignedIn,
    "PERMISSION_DENIED": PermissionDenied,
    "RESOURCE_NOT_FOUND": NotFound,
    "RESOURCE_EXISTS": AlreadyExists,
    "ETAG_MISMATCH": EtagMismatch,
    "CALIBRATION_EXPIRED": CalibrationNotInForce,
    "CALIBRATION_MISSING": CalibrationNotInForce,
    "CALIBRATION_NOT_YET_VALID": CalibrationNotInForce,
    "CALIBRATION_REVOKED": CalibrationNotInForce,
    "CALIBRATION_OUT_OF_TOLERANCE": CalibrationNotInForce,
    "CALIBRATION_SCOPE": CalibrationNotInForce,
    "INSTRUMENT_OUT_OF_SERVICE": InstrumentUnavailable,
    "INSTRUMENT_BUSY": InstrumentUnavailable,
    "SAMPLE_UNAVAILABLE": SampleUnavailable,
    "RECIPE_NOT_APPROVED": RecipeNotApproved,
    "FOUR_EYES_REQUIRED": RecipeNotApproved,
    "STATE_CONFLICT": StateConflict,
    "GRANT_LAPSED": StateConflict,
    "THROTTLED": LimitReached,
    "QUOTA": LimitReached,
    "DATABASE_UNAVAILABLE": Unavailable,
    "CALIBRATION_UNREACHABLE": Unavailable,
    "SAMPLES_UNREACHABLE": Unavailable,
    "AUTH_UNREACHABLE": Unavailable,
    "RUNS_UNREACHABLE": Unavailable,
    "DRAINING": Unavailable,
    "OVERLOADED": Unavailable,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "METHOD_UNKNOWN": Unimplemented,
    "INTERNAL": InternalError,
}

# For what is not the lab's own: a connection that broke or never came about. A server that ends it cancels what is under way.
_LOST = {"UNAVAILABLE", "ABORTED", "INTERNAL", "UNKNOWN", "DATA_LOSS", "CANCELLED"}


def lab_error(error: Any, cancelled: bool = False) -> LabError:
    """The typed error for one of gRPC's; `cancelled` says that the caller gave up on the call."""
    plain = LabError(error)
    if plain.reason:
        return CLASSES.get(plain.reason, LabError)(error)
    if plain.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(error)
    return plain if cancelled or plain.code.name not in _LOST else Unavailable(error)


def _details(error: Any) -> list[Any]:
    found = []
    status = rpc_status.from_call(error)
    for packed in status.details if status else ():
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo, error_details_pb2.BadRequest):
            detail = kind()
            if packed.Unpack(detail) and getattr(detail, "domain", "spectra-lab") == "spectra-lab":
                found.append(detail)
    return found
