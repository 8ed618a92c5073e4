"""A file a case."""

from . import kill, logs, overload, rolling, slow, soak, standby

CASES = {
    "kill": kill.run,
    "rolling": rolling.run,
    "standby": standby.run,
    "overload": overload.run,
    "slow": slow.run,
    "soak": soak.run,
    # Last: it reads the logs that the others left.
    "logs": logs.run,
}
