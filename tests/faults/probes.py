"""Somebody who asks each service over and over, to see which answer meanwhile, how fast, and since when."""

import asyncio
import time
from dataclasses import dataclass

import grpc
from spectra.auth.v1.auth_service_pb2 import GetCurrentUserRequest
from spectra.calibration.v1.instruments_service_pb2 import GetInstrumentRequest, ListInstrumentsRequest
from spectra.runs.v1.runs_service_pb2 import ListRunsRequest
from spectra.samples.v1.samples_service_pb2 import GetSampleRequest, ListSamplesRequest
from spectra_lab import LabError

from .lab import HEALTH, SERVING, VIEWER

PERIOD_S, TIMEOUT_S = 0.1, 8


@dataclass
class Seen:
    """One question."""

    began_at: float
    took_s: float
    #: OK, or what the error says.
    answer: str


class Probes:
    def __init__(self, lab):
        self.lab = lab
        self.seen = {}
        self.tasks = []

    async def __aenter__(self):
        # A connection of its own: nothing that the load does is in its way.
        person = await self.lab.sign_in(person=VIEWER)
        sample = (await person.samples.ListSamples(ListSamplesRequest(page_size=1))).samples[0].id
        instrument = (await person.instruments.ListInstruments(ListInstrumentsRequest(page_size=1))).instruments[0].id
        questions = {
            "auth": lambda: person.auth.GetCurrentUser(GetCurrentUserRequest(), timeout=TIMEOUT_S),
            "samples": lambda: person.samples.GetSample(GetSampleRequest(id=sample), timeout=TIMEOUT_S),
            "calibration": lambda: person.instruments.GetInstrument(
                GetInstrumentRequest(id=instrument), timeout=TIMEOUT_S
            ),
            "runs": lambda: person.runs.ListRuns(ListRunsRequest(page_size=1), timeout=TIMEOUT_S),
        }
        for name, question in questions.items():
            self.seen[name] = []
            self.tasks.append(asyncio.create_task(self.ask(name, question)))
        return self

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def ask(self, name, question):
        while True:
            began = time.monotonic()
            try:
                await question()
                answer = "OK"
            except LabError as error:
                answer = error.reason or error.code.name
            took = time.monotonic() - began
            self.seen[name].append(Seen(began, took, answer))
            await asyncio.sleep(max(0.0, PERIOD_S - took))

    def between(self, name, since, until):
        """Those that began then, of those that ended."""
        return [seen for seen in self.seen[name] if since <= seen.began_at < until]

    async def all_answer(self, since, limit_s):
        """Waits until each service has answered a question of after `since`. When the last of them did; None if it
        never did."""
        while time.monotonic() < since + limit_s:
            firsts = [
                next(
                    (seen.began_at + seen.took_s for seen in asked if seen.began_at >= since and seen.answer == "OK"),
                    None,
                )
                for asked in self.seen.values()
            ]
            if None not in firsts:
                return max(firsts)
            await asyncio.sleep(0.02)
        return None


async def health(channel, timeout_s=2):
    """Whether the process says that it serves, and how long it took to say so."""
    began = time.monotonic()
    try:
        serves = await channel.unary_unary(HEALTH)(b"", timeout=timeout_s) == SERVING
    except grpc.RpcError:
        serves = False
    return serves, time.monotonic() - began
