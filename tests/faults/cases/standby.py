"""The database's machine is lost, and its synchronous standby takes over at the same address, as CloudNativePG does it:
no acknowledged write is lost. Where the standby is not synchronous, some are, and the checker says so."""

import asyncio
import time

from ..checks import check, missing
from ..lab import Lab
from ..load import Load
from ..probes import Probes
from ..processes import Postgres, free_ports, until
from ..proxy import Proxy

BACK_S = 15
#: Writes that are acknowledged while a standby that is not synchronous does not get them.
BEHIND = 20


#: How long a standby is cut off before the primary is lost: callers give up (after 6 s), and ask again.
CUT_S = 7


async def run(report, bench):
    for what, synchronous in {lose: True, cut: True, control: False}.items():
        address, log_address = free_ports(2)
        folder = bench.folder(f"standby-{what.__name__}")
        lab = Lab(bench.template, folder, database_port=address)
        standby = Postgres(folder / "standby", bench.template.password)
        try:
            # Where the services find the database, and where the standby gets its log from.
            async with Proxy(address, lab.postgres.port) as way, Proxy(log_address, lab.postgres.port) as log, lab:
                await attach(lab.postgres, standby, log_address, synchronous)
                await what(report, bench, lab, standby, way, log)
        finally:
            standby.kill()


async def attach(primary, standby, log_address, synchronous):
    await asyncio.to_thread(standby.follow, log_address)
    standby.start()
    await standby.ready()
    with primary.connect() as connection:
        if synchronous:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        wanted = "sync" if synchronous else "async"

        def streams():
            query = "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'"
            return connection.execute(query).fetchall() == [(wanted,)]

        await until(f"the standby streams ({wanted})", streams)


async def lose(report, bench, lab, standby, way, _):
    person = await lab.sign_in()
    async with Probes(lab) as probes, Load(person) as load:
        await asyncio.sleep(bench.options.seconds)
        lost_at = time.monotonic()
        back = await take_over(lab, standby, way, probes)
        await asyncio.sleep(2)
    sentence = (
        f"the standby took over: all back {back - lost_at:.1f} s after the primary was killed" if back else "all back"
    )
    report.tell("standby", back is not None, sentence, [f"not within {BACK_S} s"])
    await check(report, "standby", lab, load)
    bench.keep(load.journal)


async def cut(report, bench, lab, standby, way, log):
    """The standby is cut off first: what it does not have may not be acknowledged, however often it is asked for."""
    person = await lab.sign_in()
    async with Probes(lab) as probes, Load(person) as load:
        await asyncio.sleep(1)
        log.open.clear()
        cut_at = time.monotonic()
        await asyncio.sleep(CUT_S)
        # What was sent before may have reached the standby, and its answer come late; whether it did is looked at below.
        meanwhile = [write for write in load.journal.acknowledged() if write.began_at > cut_at]
        back = await take_over(lab, standby, way, probes)
        load.going = False
    sentence = f"a standby cut off for {CUT_S} s: {len(meanwhile)} writes sent and acknowledged meanwhile"
    report.tell("standby", not meanwhile, sentence, [write.kind for write in meanwhile])
    report.tell("standby", back is not None, "it took over all the same", [f"not within {BACK_S} s"])
    await check(report, "standby", lab, load)
    bench.keep(load.journal)


async def control(report, _, lab, standby, way, log):
    person = await lab.sign_in()
    async with Probes(lab) as probes, Load(person) as load:
        await asyncio.sleep(1)
        # As behind a network that swallows packets.
        log.open.clear()
        before = len(load.journal.acknowledged())
        await until("writes go on meanwhile", lambda: len(load.journal.acknowledged()) >= before + BEHIND)
        await take_over(lab, standby, way, probes)
        load.going = False
        # What they are at may be about what is gone.
        for task in load.tasks:
            task.cancel()
    with standby.connect() as connection:
        gone = missing(connection, load)
    sentence = (
        f"control: with a standby that is not synchronous, the checker finds {len(gone)} acknowledged things missing"
    )
    report.tell("standby", bool(gone), sentence, ["it is blind"])


async def take_over(lab, standby, way, probes):
    """When all answer again."""
    await asyncio.to_thread(lab.postgres.kill)
    await asyncio.to_thread(standby.promote)
    lab.postgres, way.target = standby, standby.port
    return await probes.all_answer(time.monotonic(), BACK_S)
