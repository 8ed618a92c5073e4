"""A way to PostgreSQL that can be made slow, blocked, or led to another server."""

import asyncio
import time


class Proxy:
    def __init__(self, port, target):
        self.port, self.target = port, target
        #: Of each message to the server.
        self.delay_s = 0.0
        self.open = asyncio.Event()
        self.open.set()
        self.ways = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.forward, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for way in self.ways:
            way.cancel()
        await asyncio.gather(*self.ways, return_exceptions=True)

    async def forward(self, reader, writer):
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        ways = {
            asyncio.create_task(self.copy(reader, there[1], slow=True)),
            asyncio.create_task(self.copy(there[0], writer, slow=False)),
        }
        self.ways |= ways
        # Where one end is gone, the other learns it.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        self.ways -= ways
        for each in (writer, there[1]):
            each.close()

    async def copy(self, reader, writer, slow):
        """What is sent together arrives together, each message so much later."""
        due = asyncio.Queue()

        async def deliver():
            while True:
                at, data = await due.get()
                await asyncio.sleep(max(0.0, at - time.monotonic()))
                await self.open.wait()
                if not data:
                    return
                writer.write(data)
                await writer.drain()

        delivering = asyncio.create_task(deliver())
        try:
            while True:
                data = await reader.read(65536)
                due.put_nowait((time.monotonic() + (self.delay_s if slow else 0.0), data))
                if not data:
                    break
            await delivering
        except OSError:
            pass
        finally:
            delivering.cancel()
