"""python -m faults [CASE...]: see tests/faults_test.sh."""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from .cases import CASES
from .cases.logs import WRONG_PASSWORD
from .lab import PERSON, VIEWER, Template
from .processes import Trouble
from .report import Report


class Bench:
    """What all cases of one run share."""

    def __init__(self, options, work):
        self.options, self.work = options, work
        self.template = Template(work, options.program)
        self.journals = []

    def folder(self, case):
        return self.work / case

    def keep(self, journal):
        self.journals.append(journal)

    def secrets(self):
        """What nobody may read in a log or an answer."""
        template = self.template
        return [
            template.password,
            template.secret,
            template.seal,
            *template.credentials.values(),
            PERSON[1],
            VIEWER[1],
            WRONG_PASSWORD,
        ]


def parse():
    parser = argparse.ArgumentParser(prog="tests/faults_test.sh", description="What the laboratory goes through.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"all unless said: {', '.join(CASES)}")
    parser.add_argument("--campaign", action="store_true", help="all of it, as `make faults` runs it")
    parser.add_argument("--kills", type=int, help="how often each service is killed")
    parser.add_argument("--database-kills", type=int, help="how often PostgreSQL is")
    parser.add_argument("--rounds", type=int, help="how often all is restarted")
    parser.add_argument("--minutes", type=float, help="of soak")
    parser.add_argument("--seconds", type=float, help="of load before the database's machine is lost")
    parser.add_argument("--program", default=os.environ.get("SPECTRA", "target/debug/spectra"))
    parser.add_argument("--keep", action="store_true", help="keep the logs, the journals and the databases")
    options = parser.parse_args()
    campaign = {"kills": 20, "database_kills": 10, "rounds": 5, "minutes": 20, "seconds": 10}
    quick = {"kills": 2, "database_kills": 1, "rounds": 1, "minutes": 0.5, "seconds": 2}
    for name, value in (campaign if options.campaign else quick).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    unknown = set(options.cases) - set(CASES)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(CASES)}")
    options.program = str(Path(options.program).resolve())
    if not os.access(options.program, os.X_OK):
        parser.error(f"there is no {options.program}: cargo build --workspace --bins")
    return options


async def main():
    options = parse()
    # A signal ends the case, and the case its processes.
    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    work = Path(tempfile.mkdtemp(prefix="faults-"))
    work.chmod(0o711)
    report, bench = Report(), Bench(options, work)
    try:
        for name, run in CASES.items():
            if options.cases and name not in options.cases:
                continue
            began = time.monotonic()
            try:
                await run(report, bench)
            except Trouble as trouble:
                report.tell(name, False, str(trouble))
            report.note(name, f"took {time.monotonic() - began:.0f} s")
    except asyncio.CancelledError:
        return 130
    finally:
        if options.keep or report.failed:
            print(f"what they left is in {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)
    print(f"{report.failed} failed")
    return 1 if report.failed else 0


sys.exit(asyncio.run(main()))
