"""A laboratory as docs/operations/deploy.md has it: a process for each service, the edge before them, PostgreSQL."""

import asyncio
import secrets
import subprocess
from collections import defaultdict
from pathlib import Path

import grpc
from spectra.auth.v1.auth_service_pb2 import LoginRequest
from spectra.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from spectra_lab import Tokens, address, aio
from spectra_lab.errors import lab_error

from .processes import BARE, DATABASE, Postgres, Process, Trouble, free_ports, run, until

SERVICES = ("auth", "samples", "calibration", "runs", "edge")
#: May do all that the load does.
PERSON = ("pi@demo.lab", "pi123")
#: May look at everything, and is not held to what the load calls a second.
VIEWER = ("viewer@demo.lab", "view123")
#: gRPC's own, whose messages are short enough to be written by hand: an empty question, and SERVING for an answer.
HEALTH, SERVING = "/grpc.health.v1.Health/Check", b"\x08\x01"


class Template:
    """A migrated and seeded database, made once and copied for each laboratory."""

    def __init__(self, work, program):
        self.work, self.program = Path(work), program
        self.password, self.secret, self.seal = (secrets.token_urlsafe(36) for _ in range(3))
        self.postgres = None
        self.credentials = {}

    async def make(self):
        if self.postgres:
            return
        postgres = Postgres(self.work / "template", self.password)
        await asyncio.to_thread(postgres.create)
        postgres.start()
        try:
            await postgres.ready()
            with postgres.connect("postgres") as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")
            for step in (["migrate", "up"], ["seed"]):
                settings = {"DATABASE_URL": postgres.url(), "JWT_SECRET": self.secret}
                await asyncio.to_thread(run, [self.program, *step], settings)
        finally:
            await postgres.stop()
        for service in ("samples", "calibration", "runs"):
            self.credentials[service] = run([self.program, "keys", "credential", service], {"JWT_SECRET": self.secret})
        self.postgres = postgres


class Lab:
    """Five processes, or two of each, on a database of their own.

    settings: of all processes. own: of single services.
    database_port: where the services find the database, if not at its own port.
    """

    def __init__(self, template, folder, settings=None, own=None, replicas=1, database_port=None):
        self.template, self.folder, self.replicas = template, Path(folder), replicas
        self.settings, self.own = settings or {}, own or {}
        self.postgres = Postgres(self.folder / "postgres", template.password)
        self.database_port = database_port
        self.ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        # By service: its processes.
        self.processes = defaultdict(list)
        self.channels = []

    async def __aenter__(self):
        await self.template.make()
        # PostgreSQL's user passes through.
        self.folder.mkdir(parents=True, mode=0o711)
        await asyncio.to_thread(self.postgres.copy, self.template.postgres)
        try:
            self.postgres.start()
            await self.postgres.ready()
            self.place()
            for process in self.all():
                process.start()
            for process in self.all():
                await self.ready(process)
            for edge in self.processes["edge"]:
                for service in SERVICES[:-1]:
                    await self.ready(edge, f"spectra.{service}.v1.{service.title()}Service")
        except BaseException:
            self.end()
            raise
        return self

    async def __aexit__(self, *_):
        for channel in self.channels:
            await channel.close()
        self.end()

    def end(self):
        for process in (*self.all(), self.postgres):
            process.kill()

    def all(self):
        return [process for processes in self.processes.values() for process in processes]

    def place(self):
        """Decides where each process is, and what it is told. Several of a service are behind one name, as in
        Kubernetes: in a namespace where that name stands for all their addresses."""
        alone = self.replicas == 1
        hosts = ["127.0.0.1"] if alone else [f"127.0.0.{2 + number}" for number in range(self.replicas)]
        place = []
        if not alone:
            names = self.folder / "hosts"
            names.write_text("".join(f"{host} {name}.lab\n" for name in SERVICES for host in hosts))
            place = [
                "unshare",
                "--mount",
                "--map-root-user",
                "sh",
                "-c",
                'mount --bind "$0" /etc/hosts && exec "$@"',
                names,
            ]
            if subprocess.run([*place, "true"], env=BARE, capture_output=True).returncode:
                raise Trouble("several processes behind one name need a mount namespace, which this system refuses")
        for name in SERVICES:
            for number, host in enumerate(hosts):
                settings = {
                    "JWT_ALGORITHM": "EdDSA",
                    "SPECTRA_SEAL_KEY": self.template.seal,
                    "SPECTRA_FORMER_LISTEN": "none",
                    "SPECTRA_ADMIN_LISTEN": f"{host}:{free_ports(1)[0]}",
                }
                for other, port in self.ports.items():
                    listen = "SPECTRA_LISTEN" if other == "edge" else f"SPECTRA_{other.upper()}_LISTEN"
                    settings[listen] = f"{host}:{port}"
                    if other != "edge":
                        where = hosts[0] if alone else f"{other}.lab"
                        settings[f"SPECTRA_{other.upper()}_URL"] = f"http://{where}:{port}"
                if name == "auth":
                    settings["JWT_SECRET"] = self.template.secret
                elif name != "edge":
                    settings["SPECTRA_SERVICE_CREDENTIAL"] = self.template.credentials[name]
                if name != "edge":
                    settings["DATABASE_URL"] = self.postgres.url(self.database_port)
                settings |= self.settings | self.own.get(name, {})
                log = self.folder / (f"{name}.log" if alone else f"{name}-{number}.log")
                process = Process(name, [*place, self.template.program, "serve", name], log, settings)
                process.address = f"{host}:{self.ports[name]}"
                self.processes[name].append(process)

    async def ready(self, process, service=""):
        """Until it says that it serves, or that it reaches this service; how long that took."""

        def serves():
            if process.running.poll() is not None:
                raise Trouble(f"{process.name} ended: {process.last_lines()}")
            command = [self.template.program, "healthcheck", process.address, "--service", service]
            return subprocess.run(command, env=BARE, capture_output=True).returncode == 0

        return await until(f"{process.name} serves: {process.last_lines()}", serves)

    def edge(self):
        """Where clients connect."""
        return "ipv4:" + ",".join(process.address for process in self.processes["edge"])

    def channel(self, target=None, interceptors=()):
        """A connection of its own, with the clients' options."""
        alone = [("grpc.use_local_subchannel_pool", 1)]
        balanced = [] if self.replicas == 1 else [("grpc.lb_policy_name", "round_robin")]
        # Of several addresses, none is the name.
        name = [("grpc.default_authority", f"edge.lab:{self.ports['edge']}")]
        options = [*address.OPTIONS, ("grpc.enable_retries", 0), *alone, *balanced, *name]
        channel = grpc.aio.insecure_channel(target or self.edge(), options, interceptors=list(interceptors))
        self.channels.append(channel)
        return channel

    async def sign_in(self, retries=0, interceptors=(), target=None, person=PERSON):
        """The person of the load, or another, by the client that users have; it sends again as often as it is told to."""
        channel = self.channel(target, interceptors)
        stub = AuthServiceStub(channel)
        try:
            tokens = Tokens.of(await stub.Login(LoginRequest(username=person[0], password=person[1])))
        except grpc.RpcError as error:
            raise Trouble(f"nobody can sign in: {lab_error(error)}") from error
        return aio.Lab(channel, retries, aio.Session(AuthServiceStub(aio.Calls(channel, retries)), tokens))

    def logs(self):
        return sorted(self.folder.glob("*.log"))
