"""What was asked of the laboratory and what came of it. What timed out or broke off is unknown, never failed."""

import asyncio
import json
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

from spectra_lab import LabError
from spectra_lab.errors import DeadlineExceeded, InternalError, LimitReached, Unavailable

#: A call that hangs is given up, and its outcome unknown.
TIMEOUT_S = 6
#: Between two tries of what is unknown.
PAUSE_S = 0.2
#: Refusals that the load brings about by itself: it races starts against revocations.
EXPECTED = {
    "create_run": {"CALIBRATION_REVOKED", "CALIBRATION_MISSING"},
    "start_run": {"CALIBRATION_REVOKED", "CALIBRATION_MISSING", "GRANT_LAPSED"},
}


@dataclass
class Operation:
    """One write, however often it was sent."""

    kind: str
    method: object
    request: object
    began_at: float
    outcome: str = "sent"
    answer: object = None
    reason: str = ""
    #: Of each try that did not tell: when it ended, and why.
    unknown: list = field(default_factory=list)
    ended_at: float = 0

    @property
    def request_id(self):
        return self.request.request_id


class Journal:
    def __init__(self):
        self.operations = []
        #: Reads: how many answered, and what was wrong with those that did not.
        self.reads = Counter()
        #: What should not have been; one sentence each.
        self.faults = []
        #: Every error that a client saw.
        self.errors = []

    def saw(self, error):
        cause = error.__cause__
        trailers = [value for key, value in (cause.trailing_metadata() or ()) if key == "grpc-status-details-bin"]
        self.errors.append((time.monotonic(), error.code.name, error.reason, str(error), b"".join(trailers)))
        if isinstance(error, InternalError):
            self.faults.append(f"INTERNAL (request {error.request_id})")

    def acknowledged(self):
        return [operation for operation in self.operations if operation.outcome == "acknowledged"]

    def counts(self):
        return Counter(operation.outcome for operation in self.operations)

    def __str__(self):
        counts = self.counts()
        resent = sum(bool(operation.unknown) for operation in self.operations)
        return (
            f"{len(self.operations)} writes sent, {counts['acknowledged']} acknowledged, {counts['refused']} refused, "
            f"{counts['unknown'] + counts['sent']} unknown ({resent} were for a while); {self.reads['ok']} reads"
        )

    def write(self, path):
        with open(path, "w") as file:
            for one in self.operations:
                line = {"kind": one.kind, "request_id": one.request_id, "outcome": one.outcome, "reason": one.reason}
                line |= {"began_at": one.began_at, "ended_at": one.ended_at, "unknown": one.unknown}
                print(json.dumps(line), file=file)


def is_unknown(kind, error):
    """Whether the error leaves open what became of the call."""
    if isinstance(error, (Unavailable, DeadlineExceeded, InternalError, LimitReached)) or not error.reason:
        return True
    # Another attempt is under way: perhaps the one whose answer was lost.
    return kind == "start_run" and error.reason == "STATE_CONFLICT" and error.metadata.get("from") == "queued"


class Caller:
    """Somebody who writes down what they ask, and asks again with the same request_id until they know."""

    def __init__(self, lab, journal, again=True):
        self.lab, self.journal, self.again = lab, journal, again

    async def write(self, kind, method, request):
        """The answer; None where it was refused."""
        request.request_id = str(uuid.uuid4())
        operation = Operation(kind, method, request, time.monotonic())
        self.journal.operations.append(operation)
        return await self.send(operation)

    async def send(self, operation):
        while True:
            try:
                # By this id, the events of all tries are found.
                metadata = (("x-request-id", operation.request_id),)
                answer = await operation.method(operation.request, timeout=TIMEOUT_S, metadata=metadata)
            except LabError as error:
                self.journal.saw(error)
                if not is_unknown(operation.kind, error):
                    operation.outcome, operation.reason = "refused", error.reason
                    break
                operation.outcome = "unknown"
                operation.unknown.append((time.monotonic(), error.reason or error.code.name))
                # A start whose attempt broke off is told to wait for the end of its lease, and does.
                if not self.again and error.reason != "STATE_CONFLICT":
                    self.journal.faults.append(f"{operation.kind} failed: {error}")
                    return None
                await asyncio.sleep(PAUSE_S)
            else:
                operation.outcome, operation.answer = "acknowledged", answer
                break
        operation.ended_at = time.monotonic()
        if operation.outcome == "refused" and operation.reason not in EXPECTED.get(operation.kind, ()):
            after = f", after {operation.unknown[0][1]}" if operation.unknown else ""
            self.journal.faults.append(f"{operation.kind} was refused: {operation.reason}{after}")
        return operation.answer

    async def read(self, method, request):
        """The answer; None where there was none."""
        while True:
            try:
                answer = await method(request, timeout=TIMEOUT_S)
            except LabError as error:
                self.journal.saw(error)
                self.journal.reads[error.reason or error.code.name] += 1
                if not is_unknown("read", error) or not self.again:
                    self.journal.faults.append(f"a read failed: {error}")
                    return None
                await asyncio.sleep(PAUSE_S)
            else:
                self.journal.reads["ok"] += 1
                return answer
