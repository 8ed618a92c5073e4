import unittest

from spectra.common.v1.error_reason_pb2 import ErrorReason
from spectra_lab.errors import CLASSES


class Errors(unittest.TestCase):
    def test_each_reason_of_the_contract_has_a_class(self) -> None:
        reasons = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()} - {"UNSPECIFIED"}
        self.assertEqual(set(CLASSES), reasons)
