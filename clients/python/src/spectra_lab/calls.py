"""What each call passes: typed errors, another try where that is safe, and who calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from spectra.auth.v1.auth_service_pb2 import LoginRequest, RefreshTokenRequest
from spectra.auth.v1.auth_service_pb2_grpc import AuthServiceStub

from .errors import LabError, Unavailable, lab_error
from .policy import (
    LONGEST_RETRY_WAIT_S,
    Told,
    ends_at,
    is_repeatable,
    remaining,
    wait_s,
    with_request_id,
    with_token,
)
from .tokens import Tokens

Answer = TypeVar("Answer")


class Session:
    """The tokens of one session, renewed in time and once for all calls that wait for it."""

    def __init__(self, auth: AuthServiceStub, tokens: Tokens | LoginRequest) -> None:
        self._auth = auth
        self._renewing = threading.Lock()
        self.tokens = tokens if isinstance(tokens, Tokens) else Tokens.of(auth.Login(tokens))

    def access_token(self) -> str:
        """One that is good for a while."""
        if not self.tokens.last():
            with self._renewing:
                # Unless somebody else did meanwhile.
                if not self.tokens.last():
                    self._renew()
        return self.tokens.access_token

    def expired(self, access_token: str) -> None:
        """Notes that the lab did not accept this one any more."""
        with self._renewing:
            if self.tokens.access_token == access_token:
                self.tokens = replace(self.tokens, expires_at=0)

    def _renew(self) -> None:
        try:
            request = RefreshTokenRequest(refresh_token=self.tokens.refresh_token)
            self.tokens = Tokens.of(self._auth.RefreshToken(request))
        except Unavailable:
            # Auth is away for a moment: go on with the token while it is good.
            if not self.tokens.are_good():
                raise


class Calls:
    """A channel, as the generated stubs want one."""

    def __init__(self, channel: grpc.Channel, retries: int, session: Session | None = None) -> None:
        self._channel = channel
        self.retries = retries
        self.session = session

    def unary_unary(self, method: str, **how: Any) -> Callable[..., Any]:
        """A method with one answer."""
        call = self._channel.unary_unary(method, **how)

        def send(request: Message, timeout: float | None = None, metadata: Any = None) -> Any:
            request, ends = with_request_id(request), ends_at(timeout)

            def once(token: str | None) -> Any:
                return call(request, timeout=remaining(ends), metadata=with_token(metadata, token))

            return self.attempt(method, request, once, ends)

        return send

    def unary_stream(self, method: str, **how: Any) -> Callable[..., Stream]:
        """A method whose answer comes bit by bit."""
        call = self._channel.unary_stream(method, **how)

        def send(request: Message, timeout: float | None = None, metadata: Any = None) -> Stream:
            ends = ends_at(timeout)

            def once(request: Message, token: str | None) -> Any:
                return call(request, timeout=remaining(ends), metadata=with_token(metadata, token))

            return Stream(self, method, request, once, ends)

        return send

    def attempt(self, method: str, request: Message, send: Callable[[str | None], Answer], ends: float) -> Answer:
        """Sends, as often as it takes, is safe, and can be waited for."""
        tries, renewed = 1, False
        while True:
            token = self.session.access_token() if self.session else None
            try:
                return send(token)
            except grpc.RpcError as thrown:
                error = lab_error(thrown)
                if error.reason == "TOKEN_EXPIRED" and self.session and token and not renewed:
                    self.session.expired(token)
                    renewed = True
                    continue
                wait = wait_s(error, tries, LONGEST_RETRY_WAIT_S)
                if wait is None or tries > self.retries or not is_repeatable(method, request):
                    raise error from thrown
                if time.monotonic() + wait >= ends:
                    raise error from thrown
            time.sleep(wait)
            tries += 1


class Stream(Iterator[Any]):
    """An answer that comes bit by bit. The call is made with the first look at it, and again for the rest, where it breaks off
    and only reads.
    """

    def __init__(
        self, calls: Calls, method: str, request: Message, send: Callable[[Message, str | None], Any], ends: float
    ) -> None:
        self._calls, self._method, self._send, self._ends = calls, method, send, ends
        self._told = Told(request)
        self._call: Any = None
        self._token: str | None = None
        self._broke: LabError | None = None
        self._cancelled = False

    def __next__(self) -> Any:
        if self._cancelled:
            raise StopIteration
        if self._call is not None:
            try:
                return self._told.add(next(self._call))
            except grpc.RpcError as thrown:
                time.sleep(self._recover(lab_error(thrown, self._cancelled)))
        return self._told.add(self._calls.attempt(self._method, self._told.request, self._begin, self._ends))

    def cancel(self) -> None:
        """Ends the call; from another thread, too."""
        self._cancelled = True
        if self._call is not None:
            self._call.cancel()

    def _begin(self, token: str | None) -> Any:
        call = self._send(self._told.request, token)
        for place in range(self._told.again):
            if not self._told.knows(next(call), place) and self._broke:
                call.cancel()
                raise self._broke
        first = next(call)
        self._call, self._token = call, token
        return first

    def _recover(self, error: LabError) -> float:
        """How long to wait before the rest is asked for, if it can be."""
        wait = wait_s(error, 1, LONGEST_RETRY_WAIT_S) if self._calls.retries > 0 else None
        if error.reason == "TOKEN_EXPIRED" and self._calls.session and self._token:
            self._calls.session.expired(self._token)
            wait = 0
        if wait is None or self._cancelled or not is_repeatable(self._method, self._told.request):
            raise error
        self._call, self._broke = None, error
        return wait
