"""What networks, clocks and restarts do to a client, on demand, for the tests of the clients.

It forwards to a lab by TCP on one port, by TLS on another, and does these at a third, by HTTP:

    GET /lose                  the next answer to come by the first port is lost, and its connection with it
    GET /lost                  how many connections were lost so
    GET /shorten/TOKEN         the same access token, but the lab will take it for 1 to 2 s only
    GET /renewals              how many times access tokens were renewed
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import urlopen

# Seconds by which the lab lets clocks differ.
LEEWAY_S = 30
# How long the shortened token is good.
LIFE_S = 2
# From the first byte of an answer to the loss of it: long enough for the lab to have done what was asked.
PATIENCE_S = 0.5

losing = False
lost = 0


async def forward(reader, writer):
    try:
        lab_reader, lab_writer = await asyncio.open_connection(*arguments.lab.split(":"))
    except OSError:
        writer.close()
        return
    writers = (writer, lab_writer)
    await asyncio.gather(copy(reader, lab_writer, writers, False), copy(lab_reader, writer, writers, True))


async def copy(reader, writer, writers, answers):
    global losing, lost
    try:
        while data := await reader.read(65536):
            if answers and losing:
                await asyncio.sleep(PATIENCE_S)
                losing, lost = False, lost + 1
                break
            writer.write(data)
            await writer.drain()
    except (OSError, ssl.SSLError):
        pass
    for each in writers:
        each.close()


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
    return signed + b"." + encode(hmac.digest(secret, signed, hashlib.sha256))


def renewals():
    with urlopen(f"http://{arguments.admin}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    counts = [line for line in lines if line.startswith("spectra_rpc_total{") and 'method="RefreshToken"' in line]
    return str(sum(int(line.rpartition(" ")[2]) for line in counts)).encode()


def restart():
    os.kill(arguments.keeper, signal.SIGUSR1)
    address, port = arguments.lab.split(":")
    while True:
        try:
            socket.create_connection((address, int(port))).close()
        except ConnectionRefusedError:
            return b"stopped"
        time.sleep(0.02)


class Control(BaseHTTPRequestHandler):
    def do_GET(self):
        global losing
        _, what, *token = self.path.split("/")
        if what == "lose":
            losing, answer = True, b"losing"
        elif what == "lost":
            answer = str(lost).encode()
        elif what == "shorten":
            answer = shorten(token[0])
        elif what == "renewals":
            answer = renewals()
        elif what == "restart":
            answer = restart()
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


async def main():
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(arguments.certificate, arguments.key)
    tls.set_alpn_protocols(["h2"])
    await asyncio.start_server(forward, "127.0.0.1", arguments.port)
    await asyncio.start_server(forward, "127.0.0.1", arguments.tls_port, ssl=tls)
    control = ThreadingHTTPServer(("127.0.0.1", arguments.control_port), Control)
    Thread(target=control.serve_forever, daemon=True).start()
    await asyncio.Event().wait()


parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("tls_port", type=int)
parser.add_argument("control_port", type=int)
parser.add_argument("--lab", help="host:port")
parser.add_argument("--admin", help="host:port of its metrics")
parser.add_argument("--secret", help="file of the lab's JWT_SECRET")
parser.add_argument("--keeper", type=int, help="process that restarts the lab at a USR1")
parser.add_argument("--certificate", help="PEM file, for localhost")
parser.add_argument("--key", help="PEM file")
arguments = parser.parse_args()
asyncio.run(main())
