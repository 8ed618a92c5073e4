from __future__ import annotations

import contextlib
import os
import time
import unittest
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import spectra_lab
from hardship import EDGE, ENGINEER, LAB, PROXY, SHORT_S, TLS, hardship, new_sample, of_lot, shortened, unique
from spectra.auth.v1.auth_service_pb2 import ChangePasswordRequest, GetCurrentUserRequest
from spectra.calibration.v1.calibration_pb2 import Calibration
from spectra.calibration.v1.calibration_service_pb2 import CreateCalibrationRequest, RevokeCalibrationRequest
from spectra.calibration.v1.instrument_pb2 import Instrument
from spectra.calibration.v1.instruments_service_pb2 import CreateInstrumentRequest, ListInstrumentsRequest
from spectra.runs.v1.run_pb2 import Run
from spectra.runs.v1.runs_service_pb2 import CreateRunRequest, ExportRunRequest, GetRunDataRequest, StartRunRequest
from spectra.samples.v1.samples_service_pb2 import ListSamplesRequest, WatchSamplesRequest


class Sync(unittest.TestCase):
    def setUp(self) -> None:
        self.lab = spectra_lab.connect(LAB, *ENGINEER)
        self.addCleanup(self.lab.close)

    def again(self, tokens: spectra_lab.Tokens, retries: int = 5) -> spectra_lab.Lab:
        """The session in another client."""
        lab = spectra_lab.connect(LAB, tokens=tokens, retries=retries)
        self.addCleanup(lab.close)
        return lab

    def lot(self, size: int) -> tuple[str, list[str]]:
        lot = unique("LOT")
        return lot, [self.lab.samples.CreateSample(new_sample(lot)).sample.name for _ in range(size)]

    def test_refusals_are_classes_with_a_reason_and_what_it_is_about(self) -> None:
        with self.assertRaises(spectra_lab.NotSignedIn) as refused:
            spectra_lab.connect(LAB, ENGINEER[0], "wrong")
        self.assertEqual(refused.exception.reason, "CREDENTIALS_INVALID")
        self.assertNotEqual(refused.exception.request_id, "")

        with self.assertRaises(spectra_lab.InvalidRequest) as invalid:
            self.lab.samples.CreateSample(new_sample(barcode="with a space"))
        self.assertEqual([violation.field for violation in invalid.exception.violations], ["sample.barcode"])

    def test_each_refusal_of_the_lockout_has_its_reason_and_what_it_is_about(self) -> None:
        find = ListInstrumentsRequest(filter='asset_code = "LS-8404-01"')
        instrument = Instrument(asset_code=unique("A"), manufacturer="Maker", model="One", methods=["hall_vdp"])
        instrument.capabilities.extend(self.lab.instruments.ListInstruments(find).instruments[0].capabilities)
        instrument = self.lab.instruments.CreateInstrument(CreateInstrumentRequest(instrument=instrument)).instrument
        sample = self.lab.samples.CreateSample(new_sample()).sample
        run = CreateRunRequest(run=Run(instrument_id=instrument.id, sample_id=sample.id, method="hall_vdp"))
        with self.assertRaises(spectra_lab.CalibrationNotInForce) as missing:
            self.lab.runs.CreateRun(run)
        self.assertEqual(missing.exception.reason, "CALIBRATION_MISSING")
        self.assertEqual(missing.exception.metadata["instrument_id"], instrument.id)

        calibration = Calibration(instrument_id=instrument.id, certificate_id=unique("CAL"), provider="Provider")
        calibration.issued_at.FromSeconds(int(time.time()) - 86_400)
        calibration.expires_at.FromSeconds(int(time.time()) + 86_400)
        calibration = self.lab.calibration.CreateCalibration(CreateCalibrationRequest(calibration=calibration)).calibration
        queued = self.lab.runs.CreateRun(run).run
        with spectra_lab.connect(LAB, "pi@demo.lab", "pi123") as pi:
            pi.calibration.RevokeCalibration(RevokeCalibrationRequest(id=calibration.id, comment="dropped"))
        with self.assertRaises(spectra_lab.CalibrationNotInForce) as revoked:
            self.lab.runs.StartRun(StartRunRequest(id=queued.id))
        self.assertEqual(revoked.exception.reason, "CALIBRATION_REVOKED")
        self.assertEqual(revoked.exception.metadata["calibration_id"], calibration.id)
        self.assertRegex(revoked.exception.metadata["revoked_at"], r"^\d{4}-\d\d-\d\dT.*Z$")

    def test_too_many_attempts_are_told_when_to_come_again(self) -> None:
        nobody = f"{unique('nobody')}@demo.lab"
        with self.assertRaises(spectra_lab.LimitReached) as refused:
            for _ in range(20):
                with contextlib.suppress(spectra_lab.NotSignedIn):
                    spectra_lab.connect(LAB, nobody, "wrong")
        self.assertGreater(refused.exception.retry_delay or 0, 0)

    def test_a_request_id_of_the_caller_is_kept_and_each_call_has_its_own_otherwise(self) -> None:
        request = new_sample(barcode=unique("B"), request_id=str(uuid.uuid4()))
        first = self.lab.samples.CreateSample(request)
        self.assertEqual(self.lab.samples.CreateSample(request), first)
        request.request_id = ""
        with self.assertRaises(spectra_lab.AlreadyExists):
            self.lab.samples.CreateSample(request)

    def test_rows_are_those_of_all_pages_each_once(self) -> None:
        lot, names = self.lot(5)
        rows = self.lab.rows(self.lab.samples.ListSamples, of_lot(lot))
        self.assertEqual([sample.name for sample in rows], names)

    def test_a_lost_answer_is_asked_for_again_and_what_was_asked_is_done_once(self) -> None:
        with spectra_lab.connect(PROXY, *ENGINEER) as proxied:
            lost = int(hardship("lost"))
            hardship("lose")
            sample = proxied.samples.CreateSample(new_sample()).sample
            self.assertEqual(int(hardship("lost")), lost + 1)
        found = self.lab.samples.ListSamples(ListSamplesRequest(filter=f'name = "{sample.name}"')).samples
        self.assertEqual([each.id for each in found], [sample.id])

    def test_a_call_that_is_not_known_again_is_not_sent_again(self) -> None:
        hardship("lose")
        with self.assertRaises(spectra_lab.Unavailable):
            spectra_lab.connect(PROXY, *ENGINEER)

    def test_an_access_token_that_ends_within_a_list_is_renewed_once_for_all(self) -> None:
        lot, names = self.lot(4)
        lab = self.again(shortened(self.lab.tokens))
        ends = time.monotonic() + SHORT_S

        def read() -> list[str]:
            seen = []
            for sample in lab.rows(lab.samples.ListSamples, of_lot(lot)):
                seen.append(sample.name)
                if len(seen) == 1:
                    time.sleep(max(0, ends - time.monotonic()))
            return seen

        renewals = int(hardship("calls/RefreshToken"))
        with ThreadPoolExecutor(3) as threads:
            reads = [threads.submit(read) for _ in range(3)]
            self.assertEqual([each.result() for each in reads], [names] * 3)
        self.assertEqual(int(hardship("calls/RefreshToken")), renewals + 1)

    def test_an_access_token_that_is_about_to_end_is_renewed_before_it_is_used(self) -> None:
        lab = self.again(replace(self.lab.tokens, expires_at=time.time() + 1))
        lab.auth.GetCurrentUser(GetCurrentUserRequest())
        self.assertNotEqual(lab.tokens.access_token, self.lab.tokens.access_token)

    def test_an_access_token_that_ends_within_or_before_a_stream_is_renewed(self) -> None:
        run = hardship("measured")
        whole = list(self.lab.runs.ExportRun(ExportRunRequest(run_id=run)))
        for exported in (False, True):
            lab = self.again(shortened(self.lab.tokens))
            stream: Iterator[Any] = (
                lab.runs.ExportRun(ExportRunRequest(run_id=run))
                if exported
                else lab.runs.GetRunData(GetRunDataRequest(run_id=run))
            )
            seen = [next(stream)]
            time.sleep(SHORT_S)
            renewals = int(hardship("calls/RefreshToken"))
            seen += stream
            self.assertEqual(int(hardship("calls/RefreshToken")), renewals + 1)
            if exported:
                self.assertTrue(seen == whole)
            else:
                self.assertEqual([message.chunk.seq for message in seen], list(range(len(whole) - 1)))
            self.lab = lab
        # One that has ended already is renewed before the first message.
        lab = self.again(shortened(self.lab.tokens))
        time.sleep(SHORT_S)
        next(lab.runs.GetRunData(GetRunDataRequest(run_id=run)))
        self.assertNotEqual(lab.tokens.refresh_token, self.lab.tokens.refresh_token)

    def test_what_is_away_is_waited_for_as_long_as_it_says(self) -> None:
        with spectra_lab.connect(EDGE, *ENGINEER) as lab:
            run = hardship("measured")
            for call in (
                lambda: lab.samples.ListSamples(ListSamplesRequest()),
                lambda: lab.samples.CreateSample(new_sample()),
                lambda: next(lab.runs.GetRunData(GetRunDataRequest(run_id=run))),
            ):
                hardship("away/0.7")
                begun = time.monotonic()
                call()
                # The edge says a second.
                self.assertTrue(1 <= time.monotonic() - begun < 8)

    def test_a_change_whose_answer_did_not_reach_the_edge_is_done_once(self) -> None:
        with spectra_lab.connect(EDGE, *ENGINEER) as lab:
            hardship("mislay")
            begun = time.monotonic()
            sample = lab.samples.CreateSample(new_sample()).sample
            self.assertGreaterEqual(time.monotonic() - begun, 1)
        found = self.lab.samples.ListSamples(ListSamplesRequest(filter=f'name = "{sample.name}"')).samples
        self.assertEqual([each.id for each in found], [sample.id])

    def test_what_is_not_known_again_is_not_sent_again_though_the_lab_says_when(self) -> None:
        with spectra_lab.connect(EDGE, *ENGINEER) as lab:
            calls = int(hardship("calls/ChangePassword"))
            hardship("mislay")
            with self.assertRaises(spectra_lab.Unavailable) as failed:
                lab.auth.ChangePassword(ChangePasswordRequest(current_password="wrong", new_password="a long new one"))
            self.assertEqual((failed.exception.reason, failed.exception.retry_delay), ("AUTH_UNREACHABLE", 1))
            self.assertEqual(int(hardship("calls/ChangePassword")), calls + 1)

    def test_a_call_with_little_time_does_not_wait(self) -> None:
        with spectra_lab.connect(EDGE, *ENGINEER) as lab:
            hardship("away/2")
            begun = time.monotonic()
            with self.assertRaises(spectra_lab.Unavailable):
                lab.samples.ListSamples(ListSamplesRequest(), timeout=0.9)
            self.assertLess(time.monotonic() - begun, 0.9)
            time.sleep(2)

    def test_a_wrong_address_is_told_at_once(self) -> None:
        for wrong in ("127.0.0.1:3012", "ftp://127.0.0.1", "http://"):
            with self.assertRaises(ValueError):
                spectra_lab.connect(wrong, *ENGINEER)
        begun = time.monotonic()
        with self.assertRaises(spectra_lab.Unavailable):
            spectra_lab.connect("http://127.0.0.1:1", *ENGINEER)
        self.assertLess(time.monotonic() - begun, 3)

    def test_a_watch_of_a_lab_that_is_closed_ends(self) -> None:
        lab = self.again(self.lab.tokens)
        watch = lab.watch(lab.samples.WatchSamples, WatchSamplesRequest())
        next(watch)
        lab.close()
        self.assertEqual(list(watch), [])

    def test_a_watch_goes_on_when_its_token_ends_and_when_the_lab_was_away(self) -> None:
        tokens = shortened(self.lab.tokens)
        lab = self.again(tokens, retries=30)
        lot = unique("LOT")
        watch = lab.watch(lab.samples.WatchSamples, WatchSamplesRequest(filter=f'lot_code = "{lot}"'))
        # It begins with a sign of life; what was done until then is not told.
        self.assertFalse(next(watch).HasField("event"))

        def told() -> str:
            return next(str(message.event.sample.name) for message in watch if message.HasField("event"))

        def done() -> str:
            return lab.samples.CreateSample(new_sample(lot)).sample.name

        self.assertEqual(done(), told())
        time.sleep(SHORT_S)
        self.assertEqual(done(), told())
        self.assertNotEqual(lab.tokens.access_token, tokens.access_token)
        hardship("restart")
        self.assertEqual(done(), told())

    def test_tls_with_the_labs_authority_and_not_without(self) -> None:
        with self.assertRaises(spectra_lab.Unavailable):
            spectra_lab.connect(TLS, *ENGINEER, retries=0)
        authority = Path(os.environ["SPECTRA_AUTHORITY"]).read_bytes()
        spectra_lab.connect(TLS, *ENGINEER, authority=authority).sign_out()
