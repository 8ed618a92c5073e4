"""What people of a laboratory do all day, side by side and without a pause, or at a pace."""

import asyncio
import random
import time
import uuid

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from spectra.calibration.v1.calibration_pb2 import Calibration
from spectra.calibration.v1.calibration_service_pb2 import CreateCalibrationRequest, RevokeCalibrationRequest
from spectra.calibration.v1.instrument_pb2 import Capability, Instrument
from spectra.calibration.v1.instruments_service_pb2 import CreateInstrumentRequest
from spectra.runs.v1.run_pb2 import Run
from spectra.runs.v1.runs_service_pb2 import CompleteRunRequest, CreateRunRequest, GetRunRequest, StartRunRequest
from spectra.samples.v1.sample_pb2 import Sample
from spectra.samples.v1.samples_service_pb2 import (
    CreateSampleRequest,
    GetSampleRequest,
    ListSamplesRequest,
    UpdateSampleRequest,
)

from .journal import Caller, Journal

RUNS_A_CALIBRATION = 3
UPDATES_A_SAMPLE = 3
#: Then the bench gets another instrument: what an instrument costs rises with the certificates that it ever had.
CERTIFICATES_AN_INSTRUMENT = 20
#: A revocation comes within this share of the time that the runs before took, among the starts that it races.
REVOKED_WITHIN = 1.2


def timestamp(seconds):
    instant = Timestamp()
    instant.FromNanoseconds(int(seconds * 1e9))
    return instant


class Load:
    """benches: people at an instrument of their own; stores: people who look after samples.

    a_second: how often each of them begins something; as often as it goes where left out.
    """

    def __init__(self, lab, benches=3, stores=3, again=True, a_second=None):
        self.journal = Journal()
        self.marker = f"f{uuid.uuid4().hex[:8]}"
        self.caller = Caller(lab, self.journal, again)
        self.lab, self.benches, self.stores = lab, benches, stores
        self.pause = 1 / a_second if a_second else 0
        self.going = True
        self.tasks = []
        self.samples = 0

    async def __aenter__(self):
        instruments = [await self.instrument(number) for number in range(self.benches)]
        self.tasks = [asyncio.create_task(self.bench(number, one)) for number, one in enumerate(instruments)]
        self.tasks += [asyncio.create_task(self.store(number)) for number in range(self.stores)]
        return self

    async def __aexit__(self, fault, *_):
        if fault:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
        else:
            await self.stop()

    async def stop(self, limit_s=40):
        """Each ends what they are at; what does not end in time stays unknown."""
        self.going = False
        _, late = await asyncio.wait(self.tasks, timeout=limit_s)
        for task in late:
            task.cancel()
        for ended in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        self.tasks = [asyncio.create_task(asyncio.sleep(0))]

    async def rest(self):
        if self.pause:
            await asyncio.sleep(random.uniform(0.5, 1.5) * self.pause)

    async def instrument(self, number):
        code = f"{self.marker}-i{number}"
        instrument = Instrument(
            asset_code=code,
            manufacturer="Keithley",
            model="2400",
            methods=["iv_sweep"],
            capabilities=[
                Capability(quantity="dc_voltage", range_low="-210", range_high="210", unit="V"),
                Capability(quantity="dc_current", range_low="-1.05", range_high="1.05", unit="A"),
            ],
        )
        method = self.lab.instruments.CreateInstrument
        answer = await self.caller.write("create_instrument", method, CreateInstrumentRequest(instrument=instrument))
        return answer and answer.instrument

    async def sample(self):
        self.samples += 1
        name = f"{self.marker}-s{self.samples}"
        sample = Sample(name=name, material_type="wafer", lot_code=self.marker, location="0")
        method = self.lab.samples.CreateSample
        answer = await self.caller.write("create_sample", method, CreateSampleRequest(sample=sample))
        return answer and answer.sample

    async def store(self, number):
        """Enters samples, moves them about, and looks for them."""
        while self.going:
            await self.rest()
            sample = await self.sample()
            if not sample:
                continue
            for place in range(1, UPDATES_A_SAMPLE + 1):
                await self.rest()
                moved = Sample(id=sample.id, location=str(place))
                request = UpdateSampleRequest(sample=moved, update_mask=FieldMask(paths=["location"]))
                if not await self.caller.write("update_sample", self.lab.samples.UpdateSample, request):
                    break
                answer = await self.caller.read(self.lab.samples.GetSample, GetSampleRequest(id=sample.id))
                if answer and answer.sample.location != str(place):
                    self.journal.faults.append(f"sample {sample.id} is at {answer.sample.location}, not at {place}")
            request = ListSamplesRequest(filter=f'lot_code = "{self.marker}"', page_size=20)
            await self.caller.read(self.lab.samples.ListSamples, request)

    async def bench(self, number, instrument):
        """Has the instrument calibrated and measures; the certificate is revoked at the time of a start, or between."""
        round_number, round_s = 0, 0.5
        while self.going:
            round_number += 1
            began = time.monotonic()
            if round_number % CERTIFICATES_AN_INSTRUMENT == 0:
                instrument = await self.instrument(f"{number}-{round_number}") or instrument
            calibration = await self.calibrate(instrument.id, f"c{number}-{round_number}")
            if not calibration:
                continue
            revoking = asyncio.create_task(self.revoke(calibration.id, REVOKED_WITHIN * round_s))
            try:
                for _ in range(RUNS_A_CALIBRATION):
                    await self.rest()
                    await self.measure(instrument)
                round_s = time.monotonic() - began
                await revoking
            finally:
                revoking.cancel()

    async def calibrate(self, instrument_id, name):
        now = time.time()
        certificate = Calibration(
            instrument_id=instrument_id,
            certificate_id=f"{self.marker}-{name}",
            provider="Faults",
            issued_at=timestamp(now - 3600),
            expires_at=timestamp(now + 86400),
        )
        method = self.lab.calibration.CreateCalibration
        answer = await self.caller.write(
            "create_calibration", method, CreateCalibrationRequest(calibration=certificate)
        )
        return answer and answer.calibration

    async def revoke(self, id, within_s):
        await asyncio.sleep(random.uniform(0, min(within_s, 5)))
        request = RevokeCalibrationRequest(id=id, comment=self.marker)
        await self.caller.write("revoke_calibration", self.lab.calibration.RevokeCalibration, request)

    async def measure(self, instrument):
        sample = await self.sample()
        if not sample:
            return
        # Of all that the load makes, only runs have no name that the database keeps unique: twice is twice.
        run = Run(instrument_id=instrument.id, sample_id=sample.id, method="iv_sweep", comment=f"{sample.name}-run")
        run.params.update({"vgs_start": 0, "vgs_stop": 5, "vgs_step": 0.1})
        answer = await self.caller.write("create_run", self.lab.runs.CreateRun, CreateRunRequest(run=run))
        if not answer:
            return
        id = answer.run.id
        if await self.caller.write("start_run", self.lab.runs.StartRun, StartRunRequest(id=id)):
            await self.caller.read(self.lab.runs.GetRun, GetRunRequest(id=id))
            await self.caller.write("complete_run", self.lab.runs.CompleteRun, CompleteRunRequest(id=id))
