"""A lab, for programs with asyncio: the same names as in `spectra_lab`, to be awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar, cast

import grpc
from google.protobuf.message import Message

from spectra.auth.v1.audit_service_pb2_grpc import AuditServiceStub
from spectra.auth.v1.auth_service_pb2 import LoginRequest, LogoutRequest, RefreshTokenRequest
from spectra.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from spectra.auth.v1.organizations_service_pb2_grpc import OrganizationsServiceStub
from spectra.auth.v1.users_service_pb2_grpc import UsersServiceStub
from spectra.calibration.v1.calibration_service_pb2_grpc import CalibrationServiceStub
from spectra.calibration.v1.instruments_service_pb2_grpc import InstrumentsServiceStub
from spectra.runs.v1.methods_service_pb2_grpc import MethodsServiceStub
from spectra.runs.v1.recipes_service_pb2_grpc import RecipesServiceStub
from spectra.runs.v1.runs_service_pb2_grpc import RunsServiceStub
from spectra.samples.v1.projects_service_pb2_grpc import ProjectsServiceStub
from spectra.samples.v1.samples_service_pb2_grpc import SamplesServiceStub

from . import address as addresses
from .errors import LabError, NotSignedIn, Unavailable, lab_error
from .policy import (
    LONGEST_RECONNECT_WAIT_S,
    LONGEST_RETRY_WAIT_S,
    Request,
    Told,
    ends_at,
    has,
    is_repeatable,
    pause_s,
    remaining,
    rows_of,
    wait_s,
    with_field,
    with_request_id,
    with_token,
)
from .tokens import Tokens

Answer = TypeVar("Answer")


async def connect(
    address: str,
    username: str = "",
    password: str = "",
    *,
    otp: str = "",
    tokens: Tokens | None = None,
    authority: bytes | None = None,
    retries: int = 5,
) -> Lab:
    """As `spectra_lab.connect`."""
    where, credentials = addresses.parse(address, authority)
    if credentials:
        channel = grpc.aio.secure_channel(where, credentials, options=addresses.OPTIONS)
    else:
        channel = grpc.aio.insecure_channel(where, options=addresses.OPTIONS)
    try:
        auth = AuthServiceStub(cast(grpc.aio.Channel, Calls(channel, retries)))
        if tokens is None:
            tokens = Tokens.of(await auth.Login(LoginRequest(username=username, password=password, otp=otp)))
    except BaseException:
        await channel.close()
        raise
    return Lab(channel, retries, Session(auth, tokens))


class Session:
    """The tokens of one session, renewed in time and once for all calls that wait for it."""

    def __init__(self, auth: Any, tokens: Tokens) -> None:
        self._auth = auth
        self._renewal: asyncio.Task[None] | None = None
        self.tokens = tokens

    async def access_token(self) -> str:
        """One that is good for a while."""
        if not self.tokens.last():
            if self._renewal is None or self._renewal.done():
                self._renewal = asyncio.create_task(self._renew())
            # Whoever gives up now does not lose the pair for everybody: the old one is spent.
            await asyncio.shield(self._renewal)
        return self.tokens.access_token

    def expired(self, access_token: str) -> None:
        """Notes that the lab did not accept this one any more."""
        if self.tokens.access_token == access_token:
            self.tokens = replace(self.tokens, expires_at=0)

    async def _renew(self) -> None:
        try:
            request = RefreshTokenRequest(refresh_token=self.tokens.refresh_token)
            self.tokens = Tokens.of(await self._auth.RefreshToken(request))
        except Unavailable:
            # Auth is away for a moment: go on with the token while it is good.
            if not self.tokens.are_good():
                raise


class Calls:
    """A channel, as the generated stubs want one."""

    def __init__(self, channel: grpc.aio.Channel, retries: int, session: Session | None = None) -> None:
        self._channel = channel
        self.retries = retries
        self.session = session

    def unary_unary(self, method: str, **how: Any) -> Callable[..., Awaitable[Any]]:
        """A method with one answer."""
        call = self._channel.unary_unary(method, **how)

        async def send(request: Message, timeout: float | None = None, metadata: Any = None) -> Any:
            request, ends = with_request_id(request), ends_at(timeout)

            async def once(token: str | None) -> Any:
                return await call(request, timeout=remaining(ends), metadata=with_token(metadata, token))

            return await self.attempt(method, request, once, ends)

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

    async def attempt(
        self, method: str, request: Message, send: Callable[[str | None], Awaitable[Answer]], ends: float
    ) -> Answer:
        """Sends, as often as it takes, is safe, and can be waited for."""
        tries, renewed = 1, False
        while True:
            token = await self.session.access_token() if self.session else None
            try:
                return await send(token)
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
            await asyncio.sleep(wait)
            tries += 1


class Stream(AsyncIterator[Any]):
    """As `spectra_lab.calls.Stream`."""

    def __init__(
        self, calls: Calls, method: str, request: Message, send: Callable[[Message, str | None], Any], ends: float
    ) -> None:
        self._calls, self._method, self._send, self._ends = calls, method, send, ends
        self._told = Told(request)
        self._call: Any = None
        self._token: str | None = None
        self._broke: LabError | None = None
        self._cancelled = False

    async def __anext__(self) -> Any:
        message = grpc.aio.EOF if self._cancelled else await self._next()
        if message is grpc.aio.EOF:
            raise StopAsyncIteration
        return self._told.add(message)

    def cancel(self) -> None:
        """Ends the call."""
        self._cancelled = True
        if self._call is not None:
            self._call.cancel()

    async def _next(self) -> Any:
        if self._call is not None:
            try:
                return await self._call.read()
            except grpc.RpcError as thrown:
                wait = self._recover(lab_error(thrown, self._cancelled))
            await asyncio.sleep(wait)
        return await self._calls.attempt(self._method, self._told.request, self._begin, self._ends)

    async def _begin(self, token: str | None) -> Any:
        call = self._send(self._told.request, token)
        for place in range(self._told.again):
            if not self._told.knows(await call.read(), place) and self._broke:
                call.cancel()
                raise self._broke
        first = await call.read()
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


class Lab:
    """A lab in which one person is signed in; `connect` makes it."""

    def __init__(self, channel: grpc.aio.Channel, retries: int, session: Session) -> None:
        self._channel, self._session = channel, session
        self._closed = False
        calls = cast(grpc.aio.Channel, Calls(channel, retries, session))
        self.auth = AuthServiceStub(calls)
        self.users = UsersServiceStub(calls)
        self.organizations = OrganizationsServiceStub(calls)
        self.audit = AuditServiceStub(calls)
        self.samples = SamplesServiceStub(calls)
        self.projects = ProjectsServiceStub(calls)
        self.instruments = InstrumentsServiceStub(calls)
        self.calibration = CalibrationServiceStub(calls)
        self.runs = RunsServiceStub(calls)
        self.recipes = RecipesServiceStub(calls)
        self.methods = MethodsServiceStub(calls)

    @property
    def tokens(self) -> Tokens:
        """To go on with this session in another process. They change whenever the access token is renewed."""
        return self._session.tokens

    async def rows(self, method: Callable[[Request], Any], request: Request) -> AsyncIterator[Any]:
        """The rows of a list, page by page."""
        page = await method(request)
        for row in rows_of(page):
            yield row
        while page.next_page_token:
            page = await method(with_field(request, "page_token", page.next_page_token))
            for row in rows_of(page):
                yield row

    async def watch(self, method: Callable[[Request], Any], request: Request) -> AsyncIterator[Any]:
        """As `spectra_lab.Lab.watch`."""
        tries = 1
        # A token that ended is another one at the next try, however many failed before; twice in a row, it is no use.
        expired = False
        while not self._closed:
            stream = method(request)
            try:
                async for message in stream:
                    tries, expired = 1, False
                    if has(message, "resume_token"):
                        request = with_field(request, "resume_token", message.resume_token)
                    yield message
            except LabError as error:
                if self._closed:
                    return
                wait = wait_s(error, tries, LONGEST_RECONNECT_WAIT_S)
                expired = error.reason == "TOKEN_EXPIRED" and not expired
                if expired:
                    wait = 0
                if wait is None:
                    raise
                await asyncio.sleep(wait)
            else:
                # A watch has no end of its own: whoever ended it is going away.
                await asyncio.sleep(pause_s(tries, LONGEST_RECONNECT_WAIT_S))
            finally:
                # Whoever stops listening ends the call.
                stream.cancel()
            tries += 1

    async def sign_out(self) -> None:
        """Ends the session, and the connection."""
        try:
            await self.auth.Logout(LogoutRequest())
        except NotSignedIn as error:
            # The answer to a first try was lost: it was done.
            if error.reason != "TOKEN_REVOKED":
                raise
        finally:
            await self.close()

    async def close(self) -> None:
        """Ends the connection; the session goes on."""
        self._closed = True
        await self._channel.close()

    async def __aenter__(self) -> Lab:
        return self

    async def __aexit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        await self.close()
