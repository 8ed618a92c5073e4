"""Any one process dies without a word, under load: what does not need it goes on, the rest is refused at once, and all
is back soon. Nothing acknowledged is lost, nothing is done twice, and nothing starts past the lockout."""

import asyncio
import random
import time

from ..checks import check, controls
from ..lab import SERVICES, Lab
from ..load import Load
from ..probes import Probes

#: How long a process is away until it is started again, as by a supervisor; and the database, without which each call
#: waits for a connection until it is refused.
AWAY_S, DATABASE_AWAY_S = 1.2, 2.5
#: The first moment, in which a call may still be answered by who dies.
MOMENT_S = 0.15
BACK_S, AT_ONCE_S = 10, 2.0
#: Twice the wait for a connection (SPECTRA_POOL_WAIT_MS, 0.8 s), and a little: a read that went along with others, and
#: failed with them, is tried once more by itself.
POOL_S = 2.5
#: Samples that are in use by a run that never began are given back by then.
RECONCILED_S = 45


async def run(report, bench):
    async with Lab(bench.template, bench.folder("kill")) as lab:
        person = await lab.sign_in()
        async with Probes(lab) as probes, Load(person) as load:
            await asyncio.sleep(1)
            for victim in SERVICES:
                await strikes(report, lab, probes, load, victim, bench.options.kills)
            await strikes(report, lab, probes, load, "postgres", bench.options.database_kills)
            await asyncio.sleep(1)
        await check(report, "kill", lab, load)
        await reconciled(report, lab, load)
        await controls(report, "kill", lab, load)
        bench.keep(load.journal)


async def strikes(report, lab, probes, load, victim, times):
    backs, alive, refused, reasons, faults = [], 0, [], set(), []
    slowest = 0.0
    away_s, at_once_s = (DATABASE_AWAY_S, POOL_S) if victim == "postgres" else (AWAY_S, AT_ONCE_S)
    for number in range(1, times + 1):
        await asyncio.sleep(random.uniform(0.3, 0.8))
        back, killed, restarted = await strike(lab, probes, victim, away_s)
        if back is None:
            faults.append(f"time {number}: not all answered again within {BACK_S} s: {last_of(probes)}")
        else:
            backs.append(back)
        for name in probes.seen:
            needs = victim in (name, "edge", "postgres")
            for seen in probes.between(name, killed + MOMENT_S, restarted):
                # Who waited until it was back may have had to wait.
                waited = needs and seen.answer == "OK"
                slowest = max(slowest, 0 if waited else seen.took_s)
                if seen.took_s > (BACK_S if waited else at_once_s):
                    faults.append(f"time {number}: {name} took {seen.took_s:.1f} s to say {seen.answer}")
                if not needs and seen.answer == "OK":
                    alive += 1
                elif not needs:
                    faults.append(f"time {number}: {name} said {seen.answer}, and does not need {victim}")
                elif seen.began_at + seen.took_s < restarted:
                    refused.append(seen)
                    reasons.add(seen.answer)
    allowed = {
        "edge": {"UNAVAILABLE"},
        # A connection that was open ends in the middle of a statement.
        "postgres": {"DATABASE_UNAVAILABLE"},
    }.get(victim, {f"{victim.upper()}_UNREACHABLE"})
    if reasons - allowed:
        faults.append(f"refused as {sorted(reasons - allowed)}, not as {sorted(allowed)}")
    if not refused or (not alive and victim not in ("edge", "postgres")):
        faults.append(f"{len(refused)} refused and {alive} answered meanwhile: too few to tell")
    meanwhile = f"{alive} answers of the others meanwhile, " if victim not in ("edge", "postgres") else ""
    report.tell(
        "kill",
        not faults,
        f"{victim}, {times} times: all back {max(backs, default=0):.1f} s at most after the kill, of which it was "
        f"away {away_s} s; {meanwhile}{len(refused)} refused ({', '.join(sorted(reasons))}), all in {slowest:.2f} s",
        faults,
    )


async def strike(lab, probes, victim, away_s):
    """Kills it, and starts it again after a while. How long all were not back, when it was killed and when started."""
    process = lab.postgres if victim == "postgres" else lab.processes[victim][0]
    killed = time.monotonic()
    await asyncio.to_thread(process.kill)
    await asyncio.sleep(max(0.0, killed + away_s - time.monotonic()))
    restarted = time.monotonic()
    process.start()
    back = await probes.all_answer(restarted, BACK_S)
    return back and back - killed, killed, restarted


def last_of(probes):
    return {name: asked[-1].answer for name, asked in probes.seen.items()}


async def reconciled(report, lab, load):
    """What a start that died half way took is given back."""
    query = "SELECT count(*) FROM samples.sample WHERE lot_code = %s AND status = 'in_use'"
    began = time.monotonic()
    with lab.postgres.connect() as connection:
        while True:
            (left,) = connection.execute(query, [load.marker]).fetchone()
            took = time.monotonic() - began
            if not left or took > RECONCILED_S:
                break
            await asyncio.sleep(0.2)
    report.tell("kill", not left, f"no sample is left in use, {took:.1f} s after the end", [f"{left} are"])
