import unittest
from typing import Any

from spectra.auth.v1.auth_service_pb2 import ChangePasswordRequest, LoginRequest, RefreshTokenRequest
from spectra.samples.v1.samples_service_pb2 import CreateSampleRequest, GetSampleRequest
from spectra_lab.errors import LabError, NotFound, Unavailable
from spectra_lab.policy import is_repeatable, wait_s


class Failure:
    """What gRPC would raise."""

    code = details = trailing_metadata = lambda _: None


def failed(kind: type[LabError], retry_delay: float | None = None) -> LabError:
    error = kind(Failure())
    error.retry_delay = retry_delay
    return error


class Policy(unittest.TestCase):
    def test_what_may_be_sent_again(self) -> None:
        for request, may in (
            (GetSampleRequest(), True),
            (CreateSampleRequest(), True),
            (RefreshTokenRequest(), True),
            (LoginRequest(), False),
            (ChangePasswordRequest(), False),
        ):
            method = request.DESCRIPTOR.name.removesuffix("Request")
            self.assertEqual(is_repeatable(f"/spectra.any.v1.Service/{method}", request), may, method)

    def test_how_long_to_wait(self) -> None:
        cases: list[tuple[LabError, int, Any]] = [
            (failed(Unavailable), 1, (0.05, 0.1)),
            (failed(Unavailable), 3, (0.2, 0.4)),
            (failed(Unavailable), 99, (1, 2)),
            (failed(LabError, 1), 1, (1, 1.2)),
            (failed(LabError, 60), 1, None),
            (failed(NotFound), 1, None),
        ]
        for error, tries, wanted in cases:
            wait = wait_s(error, tries, 2)
            if wanted is None or wait is None:
                self.assertEqual(wait, wanted)
            else:
                self.assertTrue(wanted[0] <= wait <= wanted[1], (error, tries, wait))
