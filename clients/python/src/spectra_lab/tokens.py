"""The tokens of a session."""

from __future__ import annotations

import time
from dataclasses import dataclass

from spectra.auth.v1.auth_service_pb2 import LoginResponse, RefreshTokenResponse

from .policy import MARGIN_S


@dataclass(frozen=True)
class Tokens:
    """A session that is signed in: what `lab.tokens` gives."""

    access_token: str
    refresh_token: str
    #: When the access token ends, in seconds since 1970.
    expires_at: float

    @classmethod
    def of(cls, pair: LoginResponse | RefreshTokenResponse) -> Tokens:
        """The pair, as of now."""
        return cls(pair.access_token, pair.refresh_token, time.time() + pair.expires_in)

    def last(self) -> bool:
        """Whether the access token is good for a while."""
        return self.expires_at - time.time() >= MARGIN_S

    def are_good(self) -> bool:
        """Whether the access token is good now."""
        return time.time() < self.expires_at
