"""Half of what it can do, for long: memory, connections, open files and the way of an event to who watches stay as they
are."""

import asyncio
import statistics
import time

from spectra.samples.v1.samples_service_pb2 import WatchSamplesRequest

from ..checks import check
from ..lab import Lab
from ..load import Load

#: Before it counts: caches and pools fill.
WARM_S = 8
PEAK_S = 4
BENCHES, STORES = 3, 3
#: What the fitted line may rise by over the whole time: a share of the mean, or so much where that is less.
BOUNDS = {"MiB of memory": (0.15, 6), "open files": (0, 6), "connections": (0, 4)}
LAG_S, LAG_RISE_S = 1.0, 0.25


async def run(report, bench):
    minutes = bench.options.minutes
    async with Lab(bench.template, bench.folder("soak")) as lab:
        person = await lab.sign_in()
        began = time.monotonic()
        async with Load(person, BENCHES, STORES) as load:
            await asyncio.sleep(PEAK_S)
        rate = len(load.journal.acknowledged()) / (time.monotonic() - began)
        # Each begins one thing at a time, half as often as when nobody rested.
        person_rate = rate / 2 / (BENCHES + STORES)
        lags = []
        async with Load(person, BENCHES, STORES, a_second=person_rate) as load:
            watching = asyncio.create_task(watch(person, load, lags))
            await asyncio.sleep(WARM_S)
            series = await look(lab, minutes * 60)
            watching.cancel()
        done = len(load.journal.acknowledged())
        report.note(
            "soak",
            f"{minutes:g} min: {rate:.0f} writes a second without a rest, then {done / (minutes * 60 + WARM_S):.0f}",
        )
        for kind, of in series.items():
            tell(report, kind, of)
        tell_lag(report, lags)
        await check(report, "soak", lab, load)
        control(report)
        bench.keep(load.journal)


async def look(lab, seconds):
    """What is looked at: for each subject, its series of (second, value)."""
    series = {kind: {} for kind in BOUNDS}
    period = max(1.0, min(10.0, seconds / 60))
    began = time.monotonic()
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'spectra'"
    with lab.postgres.connect() as connection:
        while (now := time.monotonic() - began) < seconds:
            values = {("connections", "all"): connection.execute(query).fetchone()[0]}
            for process in lab.all():
                values["MiB of memory", process.name] = process.memory_bytes() / 2**20
                values["open files", process.name] = process.handles()
            for (kind, subject), value in values.items():
                series[kind].setdefault(subject, []).append((now, value))
            await asyncio.sleep(period)
    return series


def rise(values):
    """Of the fitted line, over the whole time, and its mean."""
    slope = statistics.linear_regression(*zip(*values, strict=True)).slope
    return slope * (values[-1][0] - values[0][0]), statistics.fmean(value for _, value in values)


def is_flat(kind, values):
    risen, mean = rise(values)
    share, least = BOUNDS[kind]
    return risen <= max(share * mean, least)


def tell(report, kind, series):
    rising = [subject for subject, values in series.items() if not is_flat(kind, values)]
    lines = {subject: rise(values) for subject, values in series.items()}
    told = ", ".join(f"{subject} {mean:.1f} ({risen:+.1f})" for subject, (risen, mean) in lines.items())
    most = max(lines, key=lambda subject: lines[subject][0])
    told += f"; by quarters of the time, {most}: " + ", ".join(f"{mean:.1f}" for mean in quarters(series[most]))
    report.tell("soak", not rising, f"{kind}, and by what the fitted line rises: {told}", rising)


def quarters(values):
    """Their means: what fills up first and then stays is told from what goes on rising."""
    edges = [len(values) * number // 4 for number in range(5)]
    return [
        statistics.fmean(value for _, value in values[first:last])
        for first, last in zip(edges, edges[1:], strict=False)
        if last > first
    ]


async def watch(person, load, lags):
    """From an event's instant in the database to whoever watches: both by the clock of this machine."""
    request = WatchSamplesRequest(filter=f'lot_code = "{load.marker}"')
    async for message in person.watch(person.samples.WatchSamples, request):
        if message.HasField("event"):
            now = time.time()
            lags.append((now, now - message.event.recorded_at.ToNanoseconds() / 1e9))


def tell_lag(report, lags):
    if len(lags) < 20:
        report.tell("soak", False, f"only {len(lags)} events came to who watches")
        return
    risen, _ = rise(lags)
    ordered = sorted(lag for _, lag in lags)
    nearly = ordered[int(len(ordered) * 0.99)]
    report.tell(
        "soak",
        nearly <= LAG_S and risen <= LAG_RISE_S,
        f"{len(lags)} events reached who watches: half within {ordered[len(ordered) // 2] * 1000:.0f} ms, 99 of 100 "
        f"within {nearly * 1000:.0f} ms; the fitted line rises by {risen * 1000:+.0f} ms",
    )


def control(report):
    """Something that grows is not called flat, however it shakes."""
    shaking = [(second, 100 + 30 * second / 60 + (-1) ** second * 5) for second in range(60)]
    steady = [(second, 100 + (-1) ** second * 5) for second in range(60)]
    holds = not is_flat("MiB of memory", shaking) and is_flat("MiB of memory", steady)
    report.tell("soak", holds, "control: 30 % more in the time is noticed, and shaking alone is not")
