"""All processes are stopped and started again one after the other, under load, and no call of a client fails."""

import asyncio
import time
from collections import Counter

import grpc

from ..checks import check
from ..lab import SERVICES, Lab
from ..load import Load

#: As the clients do by themselves.
RETRIES = 5


class Tries(grpc.aio.UnaryUnaryClientInterceptor):
    """Counts what goes over the wire, below the client's own repetitions."""

    def __init__(self):
        self.counts = Counter()

    async def intercept_unary_unary(self, continuation, details, request):
        call = await continuation(details, request)
        code = await call.code()
        method = details.method if isinstance(details.method, str) else details.method.decode()
        self.counts["all"] += 1
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN):
            self.counts[f"{method.rpartition('/')[2]} {code.name}"] += 1
        return call


async def run(report, bench):
    await roll(report, bench, replicas=2, rounds=bench.options.rounds)
    if bench.options.campaign:
        # Nobody answers in a process's place: how far repetitions go.
        await roll(report, bench, replicas=1, rounds=1)


async def roll(report, bench, replicas, rounds):
    tries, took, ends = Tries(), [], []
    async with Lab(bench.template, bench.folder(f"rolling-{replicas}"), replicas=replicas) as lab:
        person = await lab.sign_in(RETRIES, [tries])
        async with Load(person, again=False) as load:
            await asyncio.sleep(1)
            for _ in range(rounds):
                began = time.monotonic()
                for number in range(replicas):
                    # Every service at once, as when a release is applied.
                    ends += await asyncio.gather(*(restart(lab, lab.processes[name][number]) for name in SERVICES))
                took.append(time.monotonic() - began)
            await asyncio.sleep(1)
        faults = [f"{name} ended with {code}" for _, name, code in ends if code != 0]
        longest, slowest, _ = max(ends)
        report.tell(
            "rolling",
            not faults,
            f"{rounds} times all of {len(SERVICES)} services, {replicas} processes each: {len(ends)} ended with 0, "
            f"after {longest:.1f} s at most ({slowest}); {max(took):.1f} s a time at most",
            faults,
        )
        again = sum(count for name, count in tries.counts.items() if name != "all")
        kinds = ", ".join(f"{count} {name}" for name, count in tries.counts.most_common() if name != "all")
        report.note(
            "rolling",
            f"the client sent {again} of {tries.counts['all']} calls once more, which the contract declares safe"
            + (f" ({kinds})" if kinds else ""),
        )
        waited = [one for one in load.journal.operations if any(why == "STATE_CONFLICT" for _, why in one.unknown)]
        if waited:
            longest = max(one.ended_at - one.began_at for one in waited)
            report.note(
                "rolling", f"{len(waited)} starts waited for an attempt that had broken off, {longest:.0f} s at most"
            )
        if replicas == 1:
            failed = load.journal.faults
            report.note("rolling", f"by one process of each service, {len(failed)} calls failed all the same")
            for fault in sorted(set(failed))[:3]:
                report.note("rolling", f"- {fault}")
            failed.clear()
        await check(report, "rolling", lab, load)
        bench.keep(load.journal)


async def restart(lab, process):
    """How long it took to end, and how."""
    began = time.monotonic()
    code = await process.stop()
    took = time.monotonic() - began
    process.start()
    await lab.ready(process)
    return took, process.name, code
