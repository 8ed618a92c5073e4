"""Five times more calls than can be answered: as many as at the peak are answered, or nearly; the others are refused at
once; health is never refused; and seconds later all is as before."""

import asyncio
import time
from collections import Counter

from spectra.samples.v1.sample_pb2 import Sample
from spectra.samples.v1.samples_service_pb2 import BatchCreateSamplesRequest, CreateSampleRequest, ListSamplesRequest
from spectra_lab import LabError

from ..lab import Lab
from ..probes import health
from ..processes import free_ports
from ..proxy import Proxy

#: Calls that Samples works on at once; more are refused. Those who ask at the peak are as many.
PLACES = 8
PEAK_S, OVERLOAD_S = 3, 6
TIMES = 5
GOODPUT = 0.8
#: From a call to its refusal, for half of them and for nearly all.
REFUSED_HALF_S, REFUSED_S = 0.1, 0.5
HEALTH_S = 0.5
BACK_S = 5
#: What makes calls dear where the database is short: connections, and how long each message takes to it.
CONNECTIONS, DELAY_S = 2, 0.05
#: What makes them dear where the processor is: samples in a page.
LARGE_PAGE = 1000


async def run(report, bench):
    await overload(report, bench, "database", 5)
    if bench.options.campaign:
        # On the same cores as who asks: what is seen there depends on them too.
        await overload(report, bench, "processor", LARGE_PAGE)


async def overload(report, bench, short, page):
    (address,) = free_ports(1)
    # One person asks for everybody: what they may ask for in a second is not what is tried here.
    settings = {"SPECTRA_CALLS_PER_PERSON": "0", "SPECTRA_CALLS_PER_ORGANIZATION": "0"}
    samples = {"SPECTRA_CONCURRENCY": str(PLACES)}
    if short == "database":
        samples["SPECTRA_POOL_SIZE"] = str(CONNECTIONS)
    lab = Lab(bench.template, bench.folder(f"overload-{short}"), settings, {"samples": samples}, database_port=address)
    async with Proxy(address, lab.postgres.port) as way, lab:
        person = await lab.sign_in()
        await fill(person)
        await peak(person, page, 1)
        if short == "database":
            way.delay_s = DELAY_S
        before = await peak(person, page, PEAK_S)
        seen, asked = await ask_too_often(lab, person, page, before)
        calm = await back(person, page)
        best = max(before, await peak(person, page, PEAK_S))

    answered, offered = sum(answer == "OK" for answer, _ in seen) / OVERLOAD_S, len(seen) / OVERLOAD_S
    counts = Counter(answer for answer, _ in seen)
    refused = sorted(took for answer, took in seen if answer != "OK") or [0]
    half, nearly = refused[len(refused) // 2], refused[int(len(refused) * 0.95)]
    slowest = max(took for _, took in asked)
    well = all(serves for serves, _ in asked)
    findings = {
        f"{best:.0f} lists of {page} a second at the peak; of {offered:.0f} a second, {answered:.0f} are answered "
        f"({answered / best:.0%})": answered >= GOODPUT * best and len(refused) > len(seen) / 2,
        f"{len(refused)} refused as OVERLOADED, half within {half * 1000:.0f} ms, 95 of 100 within "
        f"{nearly * 1000:.0f} ms": set(counts) == {"OK", "OVERLOADED"}
        and half <= REFUSED_HALF_S
        and nearly <= REFUSED_S,
        f"health was asked {len(asked)} times meanwhile: {'always' if well else 'not always'} SERVING, "
        f"{slowest * 1000:.0f} ms at most": well and slowest <= HEALTH_S,
        f"nobody was refused any more {BACK_S if calm is None else calm:.1f} s afterwards": calm is not None,
    }
    for sentence, holds in findings.items():
        if short == "processor":
            report.note("overload", f"the {short} is short: {sentence}")
        else:
            report.tell("overload", holds, f"the {short} is short: {sentence}", [dict(counts)])


async def fill(person):
    one = [CreateSampleRequest(sample=Sample(name=f"overload-{n}", material_type="wafer")) for n in range(LARGE_PAGE)]
    await person.samples.BatchCreateSamples(BatchCreateSamplesRequest(requests=one), timeout=60)


async def call(person, page):
    began = time.monotonic()
    try:
        await person.samples.ListSamples(ListSamplesRequest(page_size=page), timeout=10)
        answer = "OK"
    except LabError as error:
        answer = error.reason or error.code.name
    return answer, time.monotonic() - began


async def peak(person, page, seconds):
    """Answers a second where each waits for theirs, before they ask for the next."""
    until = time.monotonic() + seconds
    answered = 0

    async def ask():
        nonlocal answered
        while time.monotonic() < until:
            answer, _ = await call(person, page)
            answered += answer == "OK" and time.monotonic() <= until

    await asyncio.gather(*(ask() for _ in range(PLACES)))
    return answered / seconds


async def ask_too_often(lab, person, page, best):
    """Calls come at their time, whatever became of those before. All of them; and what health said meanwhile."""
    edge = lab.channel()
    direct = lab.channel(f"ipv4:{lab.processes['samples'][0].address}")
    tasks, asked = [], []

    async def look():
        while True:
            asked.extend(await asyncio.gather(health(edge), health(direct)))
            await asyncio.sleep(0.1)

    looking = asyncio.create_task(look())
    began = time.monotonic()
    while (now := time.monotonic() - began) < OVERLOAD_S:
        while len(tasks) < now * best * TIMES:
            tasks.append(asyncio.create_task(call(person, page)))
        await asyncio.sleep(0.005)
    looking.cancel()
    return await asyncio.gather(*tasks), asked


async def back(person, page):
    """After how long nobody is refused any more, who ask half as often as at the peak; None if it takes too long."""
    over = time.monotonic()
    calm_since = None
    while (began := time.monotonic()) < over + BACK_S:
        answers = await asyncio.gather(*(call(person, page) for _ in range(PLACES // 2)))
        if any(answer != "OK" for answer, _ in answers):
            calm_since = None
        elif calm_since is None:
            calm_since = began
        elif began > calm_since + 1:
            break
    return calm_since and calm_since - over
