"""From a sample to a finished run, on an instrument whose calibration has expired.

python story.py [host:port]     the lab is at SPECTRA_ADDRESS or 127.0.0.1:3012 where none is given
"""

import os
import sys
import uuid
from datetime import datetime, timedelta, timezone

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from spectra.auth.v1.auth_service_pb2 import LoginRequest
from spectra.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from spectra.calibration.v1.calibration_pb2 import Calibration
from spectra.calibration.v1.calibration_service_pb2 import CreateCalibrationRequest, RevokeCalibrationRequest
from spectra.calibration.v1.calibration_service_pb2_grpc import CalibrationServiceStub
from spectra.calibration.v1.instruments_service_pb2 import ListInstrumentsRequest
from spectra.calibration.v1.instruments_service_pb2_grpc import InstrumentsServiceStub
from spectra.runs.v1.run_pb2 import Run, RunState
from spectra.runs.v1.runs_service_pb2 import CompleteRunRequest, CreateRunRequest, StartRunRequest
from spectra.runs.v1.runs_service_pb2_grpc import RunsServiceStub
from spectra.samples.v1.sample_pb2 import Sample
from spectra.samples.v1.samples_service_pb2 import CreateSampleRequest
from spectra.samples.v1.samples_service_pb2_grpc import SamplesServiceStub


def sign_in(channel, username, password):
    """The metadata that says who is calling."""
    tokens = AuthServiceStub(channel).Login(LoginRequest(username=username, password=password))
    return [("authorization", f"Bearer {tokens.access_token}")]


def error_info(error):
    """Why a call was refused: a reason for programs, and what it is about. None if the answer came from elsewhere."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info
    return None


def new_id():
    """A request_id: the same call sent again with the same one has its effect once."""
    return str(uuid.uuid4())


def main(address):
    channel = grpc.insecure_channel(address)
    calibrations, runs = CalibrationServiceStub(channel), RunsServiceStub(channel)
    engineer = sign_in(channel, "engineer@demo.lab", "eng123")

    sample = Sample(name=f"GaN layer {new_id()[:8]}", material_type="GaN", lot_code="GAN-2026-03", location="Lab 3")
    request = CreateSampleRequest(sample=sample, request_id=new_id())
    sample = SamplesServiceStub(channel).CreateSample(request, metadata=engineer).sample
    print(f"sample      {sample.name}")

    request = ListInstrumentsRequest(filter='asset_code = "LS-8404-01"')
    hall = InstrumentsServiceStub(channel).ListInstruments(request, metadata=engineer).instruments[0]
    wanted = Run(instrument_id=hall.id, sample_id=sample.id, method="hall_vdp")
    wanted.params.update({"current": 0.001, "magnetic_flux_density": 0.5, "thickness": 2e-6})
    try:
        runs.CreateRun(CreateRunRequest(run=wanted, request_id=new_id()), metadata=engineer)
        sys.exit(f"{hall.model} was to be expired, and a run was created on it")
    except grpc.RpcError as error:
        info = error_info(error)
        if info is None or info.reason != "CALIBRATION_EXPIRED":
            raise
        assert info.metadata["instrument_id"] == hall.id
        print(f"refused     {info.reason}: {hall.model} at {info.metadata['expires_at']}")

    certificate = Calibration(instrument_id=hall.id, certificate_id=f"CAL-{new_id()}", provider="Metrology Services")
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    certificate.issued_at.FromDatetime(yesterday)
    certificate.expires_at.FromDatetime(yesterday + timedelta(days=365))
    request = CreateCalibrationRequest(calibration=certificate, request_id=new_id())
    certificate = calibrations.CreateCalibration(request, metadata=engineer).calibration
    print(f"certificate {certificate.certificate_id} until {certificate.expires_at.ToJsonString()}")

    run = runs.CreateRun(CreateRunRequest(run=wanted, request_id=new_id()), metadata=engineer).run
    technician = sign_in(channel, "tech@demo.lab", "tech123")
    run = runs.StartRun(StartRunRequest(id=run.id, request_id=new_id()), metadata=technician).run
    assert run.grants[0].calibration_id == certificate.id
    print(f"started     at {run.started_at.ToJsonString()}, by grant {run.grants[0].grant_id}")
    run = runs.CompleteRun(CompleteRunRequest(id=run.id, request_id=new_id()), metadata=technician).run
    print(f"completed   {RunState.Name(run.state)} at {run.finished_at.ToJsonString()}")

    # The demo laboratory as it was: without the certificate, the system has expired again.
    pi = sign_in(channel, "pi@demo.lab", "pi123")
    request = RevokeCalibrationRequest(id=certificate.id, comment="end of the story", request_id=new_id())
    calibrations.RevokeCalibration(request, metadata=pi)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SPECTRA_ADDRESS", "127.0.0.1:3012"))
