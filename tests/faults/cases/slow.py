"""The database takes half a second for each message, and then none at all: callers are refused within a second or so,
nothing piles up, and all is well again by itself."""

import asyncio
import time
from collections import Counter

from spectra.samples.v1.samples_service_pb2 import GetSampleRequest, ListSamplesRequest
from spectra_lab import LabError

from ..lab import SERVICES, Lab
from ..probes import Probes, health
from ..processes import free_ports
from ..proxy import Proxy

DELAY_S = 0.5
#: Lists a second, of which each wants a connection to itself: twice what ten connections do at this delay.
A_SECOND, SECONDS = 40, 5
#: From a call to its refusal: the longest wait for a connection (SPECTRA_POOL_WAIT_MS, 0.8 s) and a little.
REFUSED_S = 2.0
#: With all connections at work, or with fewer than there may be.
REFUSED = ("OVERLOADED", "DATABASE_UNAVAILABLE")
#: What callers who wait for a blocked database give it.
PATIENCE_S = 4
BACK_S = 10
POOL = 10
#: Point reads at once, and what they may take: two waits for a connection, and a little.
AT_ONCE, TOGETHER_S = 20, 2.5
GROWTH_BYTES = 32 << 20


async def run(report, bench):
    (address,) = free_ports(1)
    lab = Lab(bench.template, bench.folder("slow"), database_port=address)
    async with Proxy(address, lab.postgres.port) as proxy, lab:
        person = await lab.sign_in()
        async with Probes(lab) as probes:
            await calls(person, SECONDS / 2)
            before = memory(lab)

            proxy.delay_s = DELAY_S
            slow = await calls(person, SECONDS)
            proxy.delay_s = 0
            tell(report, f"each message {DELAY_S} s later", slow, {"OK", *REFUSED}, REFUSED_S)
            await back(report, probes, "slow no more")

            proxy.open.clear()
            blocked = await calls(person, SECONDS, lab.channel())
            opened = time.monotonic()
            proxy.open.set()
            # Those that had a connection already wait for it as long as they care to.
            tell(report, "nothing comes through", blocked, {*REFUSED, "DEADLINE_EXCEEDED"}, REFUSED_S)
            await back(report, probes, "open again", opened)

            await point_reads(report, lab, person)
            await back(report, probes, "the database is there again")

            await asyncio.sleep(1)
            with lab.postgres.connect() as connection:
                query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'spectra'"
                (connections,) = connection.execute(query).fetchone()
            most = POOL * (len(SERVICES) - 1)
            report.tell("slow", connections <= most, f"{connections} connections afterwards, of {most} at most")
            grown = {name: memory(lab)[name] - before[name] for name in before}
            report.tell(
                "slow",
                max(grown.values()) <= GROWTH_BYTES,
                "memory grew by " + ", ".join(f"{name} {size / 2**20:+.1f} MiB" for name, size in grown.items()),
            )


async def point_reads(report, lab, person):
    """Those that came together are refused together: none waits for the others' turn to find no connection."""
    sample = (await person.samples.ListSamples(ListSamplesRequest(page_size=1))).samples[0].id
    lab.postgres.kill()

    async def get():
        began = time.monotonic()
        try:
            await person.samples.GetSample(GetSampleRequest(id=sample), timeout=PATIENCE_S * 2)
            answer = "OK"
        except LabError as error:
            answer = error.reason or error.code.name
        return answer, time.monotonic() - began

    seen = await asyncio.gather(*(get() for _ in range(AT_ONCE)))
    lab.postgres.start()
    await lab.postgres.ready()
    counts, slowest = Counter(answer for answer, _ in seen), max(took for _, took in seen)
    report.tell(
        "slow",
        set(counts) <= set(REFUSED) and slowest <= TOGETHER_S,
        f"{AT_ONCE} point reads at once of a database that is away are refused within {slowest:.1f} s",
        [f"{count} {answer}" for answer, count in counts.items()],
    )


def memory(lab):
    return {process.name: process.memory_bytes() for process in lab.all()}


async def calls(person, seconds, edge=None):
    """Calls come whether or not the ones before were answered. What each was answered, and after how long."""
    seen, tasks, healthy = [], [], []

    async def call():
        began = time.monotonic()
        try:
            await person.samples.ListSamples(ListSamplesRequest(page_size=5), timeout=PATIENCE_S)
            answer = "OK"
        except LabError as error:
            answer = error.reason or error.code.name
        seen.append((answer, time.monotonic() - began))

    began = time.monotonic()
    for number in range(int(A_SECOND * seconds)):
        await asyncio.sleep(max(0.0, began + number / A_SECOND - time.monotonic()))
        tasks.append(asyncio.create_task(call()))
        if edge and number % A_SECOND == 0:
            healthy.append(await health(edge))
    await asyncio.gather(*tasks)
    if not all(serves for serves, _ in healthy):
        seen.append(("NOT_SERVING", 0.0))
    return seen


def tell(report, what, seen, allowed, limit_s):
    counts = Counter(answer for answer, _ in seen)
    refused = sorted(took for answer, took in seen if answer in REFUSED)
    faults = [f"{count} {answer}" for answer, count in counts.items() if answer not in allowed]
    if not refused:
        faults.append("nobody was refused: too few calls to tell")
    elif refused[-1] > limit_s:
        faults.append(f"a refusal took {refused[-1]:.2f} s")
    waited = max(took for _, took in seen)
    report.tell(
        "slow",
        not faults,
        f"{what}: "
        + ", ".join(f"{count} {answer}" for answer, count in counts.most_common())
        + (f"; refused after {refused[len(refused) // 2]:.2f} s, {refused[-1]:.2f} s at most" if refused else "")
        + f"; nobody waited longer than {waited:.1f} s",
        faults,
    )


async def back(report, probes, what, since=None):
    since = since or time.monotonic()
    at = await probes.all_answer(since, BACK_S)
    report.tell(
        "slow", at is not None, f"{what}: all answer after {(at or since) - since:.1f} s", [f"not in {BACK_S} s"]
    )
