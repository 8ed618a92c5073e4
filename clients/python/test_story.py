"""What a program of a lab relies on: reasons of refusals, safe retries, whole lists."""

import os
import unittest

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from spectra.calibration.v1.instruments_service_pb2 import ListInstrumentsRequest
from spectra.calibration.v1.instruments_service_pb2_grpc import InstrumentsServiceStub
from spectra.runs.v1.run_pb2 import Run
from spectra.runs.v1.runs_service_pb2 import CreateRunRequest
from spectra.runs.v1.runs_service_pb2_grpc import RunsServiceStub
from spectra.samples.v1.sample_pb2 import Sample
from spectra.samples.v1.samples_service_pb2 import CreateSampleRequest, GetSampleRequest, ListSamplesRequest
from spectra.samples.v1.samples_service_pb2_grpc import SamplesServiceStub

from story import error_info, new_id, sign_in


class Story(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.channel = grpc.insecure_channel(os.environ["SPECTRA_ADDRESS"])
        cls.addClassCleanup(cls.channel.close)
        cls.samples = SamplesServiceStub(cls.channel)
        cls.engineer = sign_in(cls.channel, "engineer@demo.lab", "eng123")

    def refused(self, call, request, metadata=None):
        with self.assertRaises(grpc.RpcError) as caught:
            call(request, metadata=metadata or self.engineer)
        return caught.exception

    def new_sample(self, **fields):
        return Sample(name=f"sample {new_id()}", material_type="wafer", **fields)

    def create(self, sample, request_id):
        return self.samples.CreateSample(
            CreateSampleRequest(sample=sample, request_id=request_id), metadata=self.engineer
        ).sample

    def list(self, **query):
        return self.samples.ListSamples(ListSamplesRequest(**query), metadata=self.engineer)

    def test_an_unfit_instrument_is_refused_with_a_reason(self):
        sample = self.create(self.new_sample(), new_id())
        instruments = InstrumentsServiceStub(self.channel)
        request = ListInstrumentsRequest(filter='asset_code = "JAW-RC2-01"')
        ellipsometer = instruments.ListInstruments(request, metadata=self.engineer).instruments[0]
        run = Run(instrument_id=ellipsometer.id, sample_id=sample.id, method="ellipsometry")
        error = self.refused(RunsServiceStub(self.channel).CreateRun, CreateRunRequest(run=run, request_id=new_id()))
        self.assertEqual(error.code(), grpc.StatusCode.FAILED_PRECONDITION)
        info = error_info(error)
        self.assertEqual((info.reason, info.domain), ("CALIBRATION_MISSING", "spectra-lab"))
        self.assertEqual(info.metadata["instrument_id"], ellipsometer.id)

    def test_a_retry_with_the_same_request_id_makes_one_sample(self):
        sample, request_id = self.new_sample(), new_id()
        first = self.create(sample, request_id)
        again = self.create(sample, request_id)
        self.assertEqual(first, again)
        self.assertEqual(len(self.list(filter=f'name = "{sample.name}"').samples), 1)

        another = CreateSampleRequest(sample=self.new_sample(), request_id=request_id)
        error = self.refused(self.samples.CreateSample, another)
        self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(error_info(error).reason, "REQUEST_ID_REUSED")

    def test_pages_hold_every_sample_once(self):
        lot = f"LOT-{new_id()}"
        made = [self.create(self.new_sample(lot_code=lot), new_id()).id for _ in range(5)]
        query = {"filter": f'lot_code = "{lot}"', "page_size": 2}
        seen, sizes, token = [], [], ""
        while True:
            page = self.list(page_token=token, **query)
            seen += [sample.id for sample in page.samples]
            sizes.append(len(page.samples))
            token = page.next_page_token
            if not token:
                break
        self.assertEqual(seen, made)
        self.assertEqual(sizes, [2, 2, 1])

    def test_another_laboratory_does_not_see_the_sample(self):
        sample = self.create(self.new_sample(), new_id())
        stranger = sign_in(self.channel, "engineer@other.lab", "eng123")
        error = self.refused(self.samples.GetSample, GetSampleRequest(id=sample.id), stranger)
        self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)
        self.assertEqual(error_info(error).reason, "RESOURCE_NOT_FOUND")

    def test_a_viewer_is_told_which_permission_is_wanting(self):
        viewer = sign_in(self.channel, "viewer@demo.lab", "view123")
        error = self.refused(self.samples.CreateSample, CreateSampleRequest(sample=self.new_sample()), viewer)
        self.assertEqual(error.code(), grpc.StatusCode.PERMISSION_DENIED)
        self.assertEqual(error_info(error).metadata["permission"], "samples.write")

    def test_a_wrong_field_is_named(self):
        request = CreateSampleRequest(sample=self.new_sample(barcode="with a space"))
        error = self.refused(self.samples.CreateSample, request)
        self.assertEqual(error_info(error).reason, "FIELD_INVALID")
        fields = []
        for detail in rpc_status.from_call(error).details:
            bad = error_details_pb2.BadRequest()
            if detail.Unpack(bad):
                fields += [violation.field for violation in bad.field_violations]
        self.assertEqual(fields, ["sample.barcode"])


if __name__ == "__main__":
    unittest.main()
