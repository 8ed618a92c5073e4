"""A lab, for programs with threads or none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, cast

import grpc

from spectra.auth.v1.audit_service_pb2_grpc import AuditServiceStub
from spectra.auth.v1.auth_service_pb2 import LoginRequest, LogoutRequest
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
from .calls import Calls, Session
from .errors import LabError, NotSignedIn
from .policy import LONGEST_RECONNECT_WAIT_S, Request, has, pause_s, rows_of, wait_s, with_field
from .tokens import Tokens


def connect(
    address: str,
    username: str = "",
    password: str = "",
    *,
    otp: str = "",
    tokens: Tokens | None = None,
    authority: bytes | None = None,
    retries: int = 5,
) -> Lab:
    """Signs in at a lab: `http://host:port`, or `https://host:port` for TLS.

    otp: one-time code, where a second factor is set up.
    tokens: those of a session to go on with, in place of a name and a password.
    authority: PEM of the authority that the lab's certificate comes from; the usual authorities unless said.
    retries: how often a call that may be repeated is sent again.
    """
    where, credentials = addresses.parse(address, authority)
    if credentials:
        channel = grpc.secure_channel(where, credentials, options=addresses.OPTIONS)
    else:
        channel = grpc.insecure_channel(where, options=addresses.OPTIONS)
    try:
        auth = AuthServiceStub(cast(grpc.Channel, Calls(channel, retries)))
        session = Session(auth, tokens or LoginRequest(username=username, password=password, otp=otp))
    except BaseException:
        channel.close()
        raise
    return Lab(channel, retries, session)


class Lab:
    """A lab in which one person is signed in; `connect` makes it."""

    def __init__(self, channel: grpc.Channel, retries: int, session: Session) -> None:
        self._channel, self._session = channel, session
        self._closed = False
        calls = cast(grpc.Channel, Calls(channel, retries, session))
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

    def rows(self, method: Callable[[Request], Any], request: Request) -> Iterator[Any]:
        """The rows of a list, page by page."""
        page = method(request)
        yield from rows_of(page)
        while page.next_page_token:
            page = method(with_field(request, "page_token", page.next_page_token))
            yield from rows_of(page)

    def watch(self, method: Callable[[Request], Any], request: Request) -> Iterator[Any]:
        """The messages of a watch for as long as the caller listens, signs of life among them: the first says that it has
        begun. When the connection breaks or the access token ends, it goes on where it was. Events come at least once and
        in order. It ends when the lab is closed.
        """
        tries = 1
        # A token that ended is another one at the next try, however many failed before; twice in a row, it is no use.
        expired = False
        while not self._closed:
            stream = method(request)
            try:
                for message in stream:
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
                time.sleep(wait)
            else:
                # A watch has no end of its own: whoever ended it is going away.
                time.sleep(pause_s(tries, LONGEST_RECONNECT_WAIT_S))
            finally:
                # Whoever stops listening ends the call.
                stream.cancel()
            tries += 1

    def sign_out(self) -> None:
        """Ends the session, and the connection."""
        try:
            self.auth.Logout(LogoutRequest())
        except NotSignedIn as error:
            # The answer to a first try was lost: it was done.
            if error.reason != "TOKEN_REVOKED":
                raise
        finally:
            self.close()

    def close(self) -> None:
        """Ends the connection; the session goes on."""
        self._closed = True
        self._channel.close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()
