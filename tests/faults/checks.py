"""What must hold after all of it. Each checker gives a sentence for each violation; controls break what it looks at."""

from collections import Counter, defaultdict

from spectra_lab import LabError

from .processes import Trouble

#: What each write leaves in the event log.
EVENTS = {
    "create_instrument": ("instrument", "create"),
    "create_sample": ("sample", "create"),
    "update_sample": ("sample", "update"),
    "create_calibration": ("calibration", "create"),
    "revoke_calibration": ("calibration", "revoke"),
    "create_run": ("run", "create"),
    "start_run": ("run", "start"),
    "complete_run": ("run", "complete"),
}

LOCKOUT = """
    WITH begun AS (
        SELECT run.org_id, run.id, run.started_at, equipment.instrument_id, pinned.grant_id, pinned.kind,
               pinned.authorized_at, pinned.calibration_id
        FROM runs.run run
        JOIN runs.run_equipment equipment ON equipment.org_id = run.org_id AND equipment.run_id = run.id
        LEFT JOIN runs.run_grant pinned ON pinned.org_id = run.org_id AND pinned.run_id = run.id
            AND pinned.instrument_id = equipment.instrument_id
        WHERE run.started_at IS NOT NULL AND run.purpose = 'routine'
    )
    SELECT 'run ' || begun.id || ' ' || CASE
        WHEN begun.grant_id IS NULL THEN 'has begun without a grant'
        WHEN begun.kind <> 'fit' THEN 'has begun by a grant that says nothing of fitness'
        WHEN ledger.id IS NULL THEN 'pins a grant that the ledger does not have'
        WHEN begun.started_at <> ledger.authorized_at THEN 'began at another instant than was authorized'
        WHEN begun.started_at >= calibration.revoked_at THEN 'began when its calibration was revoked'
        WHEN begun.started_at >= calibration.expires_at THEN 'began when its calibration had expired'
        WHEN begun.started_at < calibration.valid_from THEN 'began before its calibration was valid'
        ELSE 'began by a calibration that a later one had replaced' END
    FROM begun
    LEFT JOIN calibration.use_grant ledger ON ledger.org_id = begun.org_id AND ledger.id = begun.grant_id
        AND ledger.run_id = begun.id AND ledger.instrument_id = begun.instrument_id
    LEFT JOIN calibration.calibration calibration
        ON calibration.org_id = begun.org_id AND calibration.id = begun.calibration_id
    WHERE begun.grant_id IS NULL OR begun.kind <> 'fit' OR ledger.id IS NULL
        OR begun.started_at <> ledger.authorized_at OR begun.started_at >= calibration.revoked_at
        OR begun.started_at >= calibration.expires_at OR begun.started_at < calibration.valid_from
        OR EXISTS (
            SELECT FROM calibration.calibration later
            WHERE later.org_id = begun.org_id AND later.instrument_id = begun.instrument_id
                AND later.accepted_at <= begun.started_at AND later.valid_from <= begun.started_at
                AND (later.valid_from, later.accepted_at) > (calibration.valid_from, calibration.accepted_at))
"""


def lockout(connection, _):
    """No run began on an instrument that was not fit for use at that instant."""
    return [sentence for (sentence,) in connection.execute(LOCKOUT)]


def missing(connection, load):
    """All that was acknowledged is there, as it was acknowledged."""
    stored = {
        "sample": rows(connection, "SELECT id, name, location FROM samples.sample WHERE lot_code = %s", load.marker),
        "run": rows(
            connection, "SELECT id, comment, state, started_at FROM runs.run WHERE comment LIKE %s", f"{load.marker}-%"
        ),
        "calibration": rows(
            connection,
            "SELECT id, certificate_id, revoked_at FROM calibration.calibration WHERE certificate_id LIKE %s",
            f"{load.marker}-%",
        ),
        "instrument": rows(
            connection, "SELECT id, asset_code FROM calibration.instrument WHERE asset_code LIKE %s", f"{load.marker}-%"
        ),
    }
    events = events_of(connection, load)
    found = []
    places = defaultdict(list)
    for operation in load.journal.operations:
        if operation.kind == "update_sample":
            places[operation.request.sample.id].append(operation)
    for operation in load.journal.acknowledged():
        noun, action = EVENTS[operation.kind]
        told = getattr(operation.answer, noun)
        row = stored[noun].get(told.id)
        if row is None:
            found.append(f"{noun} {told.id} is missing: {operation.kind} was acknowledged")
        elif difference := differs(operation, told, row, places):
            found.append(f"{noun} {told.id}: {difference}, and {operation.kind} was acknowledged")
        if not events[operation.request_id, noun, action]:
            found.append(f"no event tells of {operation.kind} of {noun} {told.id}")
    return found


def rows(connection, query, marker):
    return {str(row[0]): row[1:] for row in connection.execute(query, [marker])}


def events_of(connection, load):
    """How many events each request_id left, by what they tell."""
    ids = [operation.request_id for operation in load.journal.operations]
    query = "SELECT request_id, resource, action FROM events.event WHERE request_id = ANY(%s)"
    return Counter(connection.execute(query, [ids]).fetchall())


def differs(operation, told, row, places):
    """What the row does not say as it was acknowledged."""
    match operation.kind:
        case "create_sample":
            return row[0] != told.name and f"its name is {row[0]}"
        case "update_sample":
            # The last that was acknowledged, or one of those after it whose outcome is unknown.
            mine = places[told.id]
            last = max(number for number, one in enumerate(mine) if one.outcome == "acknowledged")
            allowed = {one.request.sample.location for one in mine[last:] if one.outcome != "refused"}
            return row[1] not in allowed and f"it is at {row[1]}, not at {sorted(allowed)}"
        case "create_calibration":
            return row[0] != told.certificate_id and f"its certificate is {row[0]}"
        case "revoke_calibration":
            return not at(row[1], told.revoked_at) and f"it was revoked at {row[1]}"
        case "create_run":
            return row[0] != told.comment and f"its comment is {row[0]}"
        case "start_run":
            return not at(row[2], told.started_at) and f"it began at {row[2]}"
        case "complete_run":
            return row[1] != "succeeded" and f"it is {row[1]}"
        case "create_instrument":
            return row[0] != told.asset_code and f"its code is {row[0]}"
    raise ValueError(operation.kind)


def at(stored, told):
    """Whether both are the same instant; the database keeps microseconds."""
    return stored is not None and abs(stored.timestamp() - told.ToNanoseconds() / 1e9) < 1e-5


def twice(connection, load):
    """No request_id had more than one effect."""
    queries = {
        "sample": "SELECT name, count(*) FROM samples.sample WHERE lot_code = %s GROUP BY 1 HAVING count(*) > 1",
        "run": "SELECT comment, count(*) FROM runs.run WHERE starts_with(comment, %s) GROUP BY 1 HAVING count(*) > 1",
        "calibration": "SELECT certificate_id, count(*) FROM calibration.calibration "
        "WHERE starts_with(certificate_id, %s) GROUP BY 1 HAVING count(*) > 1",
    }
    found = []
    for noun, query in queries.items():
        for name, count in connection.execute(query, [load.marker]):
            found.append(f"{noun} {name} is there {count} times")
    own = {operation.request_id: EVENTS[operation.kind] for operation in load.journal.operations}
    for (request_id, noun, action), count in events_of(connection, load).items():
        if count > 1 and own[request_id] == (noun, action):
            found.append(f"{count} events tell of {action} of a {noun} by request_id {request_id}")
    return found


async def replayed(load, most=400):
    """Asked again, the laboratory answers what it answered."""
    found = []
    acknowledged = load.journal.acknowledged()
    for operation in acknowledged[:: max(1, len(acknowledged) // most)]:
        try:
            answer = await operation.method(operation.request, timeout=10)
        except LabError as error:
            found.append(f"{operation.kind}, sent again, was answered {error.reason or error.code.name}")
            continue
        if answer.SerializeToString(deterministic=True) != operation.answer.SerializeToString(deterministic=True):
            found.append(f"{operation.kind}, sent again, was answered otherwise")
    return found


CHECKS = {"missing": missing, "twice": twice, "lockout": lockout}


async def check(report, case, lab, load):
    """All of them, each of which is then shown to report what is broken on purpose."""
    load.journal.write(lab.folder / "journal.jsonl")
    report.tell(case, not load.journal.faults, str(load.journal), load.journal.faults)
    with lab.postgres.connect() as connection:
        counts = {name: checker(connection, load) for name, checker in CHECKS.items()}
        started = sum(one.kind == "start_run" for one in load.journal.acknowledged())
        acknowledged = len(load.journal.acknowledged())
        report.tell(case, not counts["missing"], f"{acknowledged} acknowledged writes are there", counts["missing"])
        report.tell(case, not counts["twice"], "no request_id had two effects", counts["twice"])
        report.tell(case, not counts["lockout"], f"{started} starts, none past the lockout", counts["lockout"])
    again = await replayed(load)
    report.tell(case, not again, "requests sent again are answered as before", again)


# --- Controls: in a transaction that is rolled back, a superuser does what must not happen, past all triggers and keys.

BREAKS = {
    "a row deleted": ("missing", "DELETE FROM samples.sample WHERE id = %(sample)s", "is missing"),
    "an update undone": ("missing", "UPDATE samples.sample SET location = 'x' WHERE id = %(updated)s", "it is at x"),
    "an event deleted": (
        "missing",
        "DELETE FROM events.event WHERE resource_id = %(sample)s::text AND action = 'create'",
        "no event",
    ),
    "a row doubled": (
        "twice",
        "CREATE TEMP TABLE doubled ON COMMIT DROP AS SELECT * FROM runs.run WHERE id = %(run)s;"
        "UPDATE doubled SET id = gen_random_uuid(); INSERT INTO runs.run SELECT * FROM doubled",
        "is there 2 times",
    ),
    "an event doubled": (
        "twice",
        "INSERT INTO events.event (org_id, id, service, resource, resource_id, action, actor, request_id, body) "
        "SELECT org_id, gen_random_uuid(), service, resource, resource_id, action, actor, request_id, body "
        "FROM events.event WHERE resource_id = %(run)s::text AND action = 'start'",
        "2 events tell",
    ),
    "a start moved past the revocation": (
        "lockout",
        "UPDATE runs.run SET started_at = %(revoked_at)s::timestamptz + interval '1 ms' WHERE id = %(run)s;"
        "UPDATE calibration.use_grant SET authorized_at = %(revoked_at)s::timestamptz + interval '1 ms', "
        "lapses_at = %(revoked_at)s::timestamptz + interval '30001 ms' WHERE run_id = %(run)s",
        "its calibration was revoked",
    ),
    "a grant deleted": ("lockout", "DELETE FROM runs.run_grant WHERE run_id = %(run)s", "without a grant"),
    "a later certificate": (
        "lockout",
        "CREATE TEMP TABLE later ON COMMIT DROP AS SELECT c.* FROM calibration.calibration c "
        "JOIN runs.run_grant g ON g.calibration_id = c.id WHERE g.run_id = %(run)s;"
        "UPDATE later SET id = gen_random_uuid(), certificate_id = 'later', valid_from = valid_from + interval '1 s';"
        "INSERT INTO calibration.calibration SELECT * FROM later",
        "a later one had replaced",
    ),
}


async def controls(report, case, lab, load):
    """That each checker reports what is broken on purpose."""
    blind = []
    with lab.postgres.connect() as connection:
        which = subjects(connection, load)
        for name, (checker, statements, sentence) in BREAKS.items():
            with connection.transaction(force_rollback=True):
                connection.execute("SET LOCAL session_replication_role = replica")
                for statement in statements.split(";"):
                    connection.execute(statement, {key: which[key] for key in which if f"%({key})s" in statement})
                said = CHECKS[checker](connection, load)
            if not any(sentence in one for one in said):
                blind.append(f"{name}: {checker} said {said}")
        # What is kept of one request is lost: where it may, it has its effect once more.
        run = next(one for one in reversed(load.journal.acknowledged()) if one.kind == "create_run")
        await load.calibrate(run.request.run.instrument_id, "control")
        connection.execute("DELETE FROM runs.request WHERE request_id = %s", [run.request_id])
        only = type(load)(load.lab)
        only.marker, only.journal.operations = load.marker, [run]
        if not await replayed(only) or not twice(connection, only):
            blind.append("a reply that was not kept: nobody noticed")
    report.tell(case, not blind, f"controls: {len(BREAKS) + 1} breaks, each reported", blind)


def subjects(connection, load):
    """What they break: a sample, one that was moved, and a run that began before its calibration was revoked."""
    acknowledged = load.journal.acknowledged()
    sample = next(one.answer.sample.id for one in acknowledged if one.kind == "create_sample")
    updated = next(one.request.sample.id for one in acknowledged if one.kind == "update_sample")
    query = """
        SELECT run.id, calibration.revoked_at FROM runs.run run
        JOIN runs.run_grant pinned ON pinned.run_id = run.id
        JOIN calibration.calibration calibration ON calibration.id = pinned.calibration_id
        WHERE run.comment LIKE %s AND calibration.revoked_at IS NOT NULL LIMIT 1
    """
    row = connection.execute(query, [f"{load.marker}-%"]).fetchone()
    if row is None:
        raise Trouble("the load revoked no calibration that a run had begun by: let it run for longer")
    return {"sample": sample, "updated": updated, "run": str(row[0]), "revoked_at": row[1]}
