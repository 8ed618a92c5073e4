"""What networks, clocks and restarts do to a client, on demand, for the tests of the clients.

It forwards to a lab by TCP on one port, by TLS on another, and on a third for an edge of its own, which takes that for its
services; and does these at a fourth, by HTTP:

    GET /lose                  the next answer to come by the first port is lost, and its connection with it
    GET /lost                  how many connections were lost so
    GET /mislay                the next answer to come to the edge is lost: it says UNAVAILABLE, and when to come again
    GET /away/SECONDS          for so long the edge reaches no service: it says UNAVAILABLE, and when to come again
    GET /shorten/TOKEN         the same access token, but the lab will take it for 1 to 2 s only
    GET /calls/METHOD          how many calls of a method the lab has answered, such as RefreshToken
    GET /measured              makes a run with much data, and answers with its id
    GET /restart               has the lab stopped and started; answers when it has stopped
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import ssl
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import Request, urlopen

# Seconds by which the lab lets clocks differ.
LEEWAY_S = 30
# How long the shortened token is good.
LIFE_S = 2
# From the first byte of an answer to the loss of it: long enough for the lab to have done what was asked.
PATIENCE_S = 0.5

# What /measured makes: more than all buffers between a lab and a client hold.
CHUNKS, POINTS = 24, 100_000


class Way:
    """A way to the lab, on which answers can be lost."""

    def __init__(self):
        self.losing = False
        self.lost = 0
        self.open_at = 0
        self.writers = set()

    async def forward(self, reader, writer):
        try:
            if time.monotonic() < self.open_at:
                raise OSError("nobody is there")
            lab_reader, lab_writer = await asyncio.open_connection(*arguments.lab.split(":"))
        except OSError:
            writer.close()
            return
        writers = (writer, lab_writer)
        self.writers.update(writers)
        await asyncio.gather(self.copy(reader, lab_writer, writers, False), self.copy(lab_reader, writer, writers, True))
        self.writers.difference_update(writers)

    async def copy(self, reader, writer, writers, answers):
        try:
            while data := await reader.read(65536):
                if answers and self.losing:
                    await asyncio.sleep(PATIENCE_S)
                    self.losing, self.lost = False, self.lost + 1
                    break
                writer.write(data)
                await writer.drain()
        except (OSError, ssl.SSLError):
            pass
        for each in writers:
            each.close()

    def shut(self, seconds):
        """Nobody comes through for so long; who is under way is lost."""
        self.open_at = time.monotonic() + seconds
        loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in self.writers])


way, tls_way, edge_way = Way(), Way(), Way()
loop = None


def shorten(token):
    def decode(part):
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))

    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    header, claims, _ = token.split(".")
    claims = decode(claims) | {"exp": int(time.time()) - LEEWAY_S + LIFE_S}
    signed = header.encode() + b"." + encode(json.dumps(claims).encode())
    with open(arguments.secret, "rb") as file:
        secret = file.read().strip()
    return (signed + b"." + encode(hmac.digest(secret, signed, hashlib.sha256))).decode()


def calls(method):
    with urlopen(f"http://{arguments.admin}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    counts = [line for line in lines if line.startswith("spectra_rpc_total{") and f'method="{method}"' in line]
    return str(sum(int(line.rpartition(" ")[2]) for line in counts))


def ask(path, body=None, token=""):
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    if not token:
        del headers["authorization"]
    data = body and json.dumps(body).encode()
    with urlopen(Request(f"http://{arguments.lab}/api/v1/{path}", data=data, headers=headers)) as answer:
        return json.load(answer)


def measured():
    token = ask("auth/login", {"username": "engineer@demo.lab", "password": "eng123"})["access_token"]
    sample = ask("samples", {"name": f"sample {uuid.uuid4()}", "material_type": "wafer"}, token)["id"]
    instrument = ask("instruments?filter=asset_code%20%3D%20%22KEI-2400-01%22", token=token)["instruments"][0]["id"]
    how = {"method": "diode_iv", "params": {"voltage_start": 0, "voltage_stop": 1}}
    run = ask("runs", {"instrument_id": instrument, "sample_id": sample, **how}, token)["id"]
    ask(f"runs/{run}:start", {}, token)
    # The same points in every chunk; what tells one from another is its place.
    points = [place / 8 for place in range(POINTS)]
    for seq in range(CHUNKS):
        columns = [{"name": "v", "unit": "V", "values": points}]
        ask(f"runs/{run}/data:append", {"seq": seq, "columns": columns}, token)
    ask(f"runs/{run}:complete", {}, token)
    return run


def restart():
    os.kill(arguments.keeper, signal.SIGUSR1)
    address, port = arguments.lab.split(":")
    while True:
        try:
            socket.create_connection((address, int(port))).close()
        except ConnectionRefusedError:
            return "stopped"
        time.sleep(0.02)


def lose(at):
    at.losing = True
    return "losing"


class Control(BaseHTTPRequestHandler):
    def do_GET(self):
        _, what, *which = self.path.split("/")
        if what not in ANSWERS:
            self.send_error(404)
            return
        answer = str(ANSWERS[what](*which)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


ANSWERS = {
    "lose": lambda: lose(way),
    "lost": lambda: way.lost,
    "mislay": lambda: lose(edge_way),
    "away": lambda seconds: edge_way.shut(float(seconds)),
    "shorten": shorten,
    "calls": calls,
    "measured": measured,
    "restart": restart,
}


async def main():
    global loop
    loop = asyncio.get_running_loop()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(arguments.certificate, arguments.key)
    tls.set_alpn_protocols(["h2"])
    await asyncio.start_server(way.forward, "127.0.0.1", arguments.port)
    await asyncio.start_server(tls_way.forward, "127.0.0.1", arguments.tls_port, ssl=tls)
    await asyncio.start_server(edge_way.forward, "127.0.0.1", arguments.edge_port)
    control = ThreadingHTTPServer(("127.0.0.1", arguments.control_port), Control)
    Thread(target=control.serve_forever, daemon=True).start()
    await asyncio.Event().wait()


parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("tls_port", type=int)
parser.add_argument("edge_port", type=int)
parser.add_argument("control_port", type=int)
parser.add_argument("--lab", help="host:port")
parser.add_argument("--admin", help="host:port of its metrics")
parser.add_argument("--secret", help="file of the lab's JWT_SECRET")
parser.add_argument("--keeper", type=int, help="process that restarts the lab at a USR1")
parser.add_argument("--certificate", help="PEM file, for localhost")
parser.add_argument("--key", help="PEM file")
arguments = parser.parse_args()
asyncio.run(main())
