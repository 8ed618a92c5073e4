"""What may be sent again, and when: the same for sync and asyncio."""

from __future__ import annotations

import random
import time
import uuid
from typing import Any, TypeVar

from google.protobuf.message import Message

from .errors import LabError, Unavailable

Request = TypeVar("Request", bound=Message)

FIRST_WAIT_S = 0.1
#: Longest wait between two tries, where the lab says nothing; and between two tries to connect a watch.
LONGEST_RETRY_WAIT_S = 2.0
LONGEST_RECONNECT_WAIT_S = 5.0
#: A lab that asks for more patience than this is not waited for.
LONGEST_WAIT_S = 10.0
#: A token that ends sooner than this is renewed before it is used.
MARGIN_S = 30.0

READING = ("Get", "List", "Export", "Download")


def is_repeatable(method: str, request: Message) -> bool:
    """Whether a call may be sent again: it only reads, or is known again by its request_id or refresh token."""
    name = method.rpartition("/")[2]
    return name.startswith(READING) or name == "RefreshToken" or has(request, "request_id")


def wait_s(error: LabError, tries: int, longest: float) -> float | None:
    """How long to wait before try number `tries` + 1; None where another try is of no use."""
    if error.retry_delay is not None:
        # A little later than asked for, each at another time.
        return error.retry_delay * random.uniform(1, 1.2) if error.retry_delay <= LONGEST_WAIT_S else None
    if not isinstance(error, Unavailable):
        return None
    return pause_s(tries, longest)


def pause_s(tries: int, longest: float) -> float:
    """How long to wait before try number `tries` + 1, where the lab says nothing."""
    return float(min(FIRST_WAIT_S * 2 ** min(tries - 1, 10), longest) * random.uniform(0.5, 1))


def ends_at(timeout: float | None) -> float:
    """When a call that may take so long, with all its tries, is to end; by the clock of `time.monotonic`."""
    return float("inf") if timeout is None else time.monotonic() + timeout


def remaining(ends: float) -> float | None:
    """What is left until then."""
    return None if ends == float("inf") else max(0.0, ends - time.monotonic())


class Told:
    """What a stream has told so far, and what to ask for the rest of it."""

    def __init__(self, request: Message) -> None:
        self.request = request
        #: How many messages of the next answer were told already.
        self.again = 0
        self._first: Message | None = None

    def add(self, message: Any) -> Any:
        """Notes a message, and gives it back."""
        if has(self.request, "from_seq"):
            self.request = with_field(self.request, "from_seq", message.chunk.seq + 1)
        else:
            self._first = self._first or message
            self.again += 1
        return message

    def knows(self, message: Message, place: int) -> bool:
        """Whether an answer that begins so is the one of before: its first message says what it is."""
        return place > 0 or message == self._first


def with_request_id(request: Request) -> Request:
    """The request with a request_id, so that each try is known as the same; one that the caller gave is kept."""
    if not has(request, "request_id") or getattr(request, "request_id"):
        return request
    return with_field(request, "request_id", str(uuid.uuid4()))


def with_field(request: Request, name: str, value: str) -> Request:
    """A copy of the request with another value of a field."""
    copy = type(request)()
    copy.CopyFrom(request)
    setattr(copy, name, value)
    return copy


def has(message: Message, field: str) -> bool:
    """Whether messages of its kind have the field."""
    return field in message.DESCRIPTOR.fields_by_name


def rows_of(page: Message) -> Any:
    """The rows of a page: its one repeated field."""
    (name,) = [field.name for field in page.DESCRIPTOR.fields if field.is_repeated]
    return getattr(page, name)


def with_token(metadata: Any, token: str | None) -> tuple[tuple[str, str | bytes], ...]:
    """The metadata of a call, and who calls."""
    return (*(metadata or ()), *([("authorization", f"Bearer {token}")] if token else []))
