from __future__ import annotations

import asyncio
import time
import unittest

import spectra_lab
from hardship import EDGE, ENGINEER, LAB, PROXY, SHORT_S, hardship, new_sample, of_lot, shortened, unique
from spectra.runs.v1.runs_service_pb2 import ExportRunRequest
from spectra.samples.v1.samples_service_pb2 import ListSamplesRequest, WatchSamplesRequest
from spectra_lab import aio


class Asyncio(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        # A busy machine is no news.
        asyncio.get_running_loop().slow_callback_duration = 10
        self.lab = await aio.connect(LAB, *ENGINEER)
        self.addAsyncCleanup(self.lab.close)

    async def again(self, tokens: spectra_lab.Tokens, retries: int = 5) -> aio.Lab:
        """The session in another client."""
        lab = await aio.connect(LAB, tokens=tokens, retries=retries)
        self.addAsyncCleanup(lab.close)
        return lab

    async def test_refusals_are_classes_with_a_reason(self) -> None:
        with self.assertRaises(spectra_lab.NotSignedIn) as refused:
            await aio.connect(LAB, ENGINEER[0], "wrong")
        self.assertEqual(refused.exception.reason, "CREDENTIALS_INVALID")

    async def test_a_lost_answer_is_asked_for_again_and_what_was_asked_is_done_once(self) -> None:
        async with await aio.connect(PROXY, *ENGINEER) as proxied:
            lost = int(await asyncio.to_thread(hardship, "lost"))
            await asyncio.to_thread(hardship, "lose")
            sample = (await proxied.samples.CreateSample(new_sample())).sample
            self.assertEqual(int(await asyncio.to_thread(hardship, "lost")), lost + 1)
        found = await self.lab.samples.ListSamples(ListSamplesRequest(filter=f'name = "{sample.name}"'))
        self.assertEqual([each.id for each in found.samples], [sample.id])

    async def test_an_access_token_that_ends_within_a_list_is_renewed_once_for_all(self) -> None:
        lot = unique("LOT")
        names = [(await self.lab.samples.CreateSample(new_sample(lot))).sample.name for _ in range(5)]
        lab = await self.again(shortened(self.lab.tokens))
        ends = time.monotonic() + SHORT_S

        async def read() -> list[str]:
            seen = []
            async for sample in lab.rows(lab.samples.ListSamples, of_lot(lot)):
                seen.append(sample.name)
                if len(seen) == 1:
                    await asyncio.sleep(ends - time.monotonic())
            return seen

        renewals = int(await asyncio.to_thread(hardship, "calls/RefreshToken"))
        self.assertEqual(await asyncio.gather(read(), read(), read()), [names] * 3)
        self.assertEqual(int(await asyncio.to_thread(hardship, "calls/RefreshToken")), renewals + 1)

    async def test_whoever_gives_up_on_a_renewal_does_not_lose_it_for_the_others(self) -> None:
        lab = await self.again(shortened(self.lab.tokens))
        await asyncio.sleep(SHORT_S)
        impatient = asyncio.ensure_future(lab.samples.ListSamples(ListSamplesRequest()))
        while lab._session._renewal is None:
            await asyncio.sleep(0)
        impatient.cancel()
        # Those who come later find the old pair spent, and the new one there.
        await lab.samples.ListSamples(ListSamplesRequest())
        await lab._session._renewal
        self.assertTrue(impatient.cancelled())

    async def test_an_access_token_that_ends_within_a_stream_is_renewed(self) -> None:
        run = await asyncio.to_thread(hardship, "measured")
        lab = await self.again(await asyncio.to_thread(shortened, self.lab.tokens))
        whole = [message async for message in self.lab.runs.ExportRun(ExportRunRequest(run_id=run))]
        seen: list[object] = []
        async for message in lab.runs.ExportRun(ExportRunRequest(run_id=run)):
            if not seen:
                await asyncio.sleep(SHORT_S)
            seen.append(message)
        self.assertTrue(seen == whole)
        self.assertNotEqual(lab.tokens.refresh_token, self.lab.tokens.refresh_token)

    async def test_what_is_away_is_waited_for_as_long_as_it_says(self) -> None:
        async with await aio.connect(EDGE, *ENGINEER) as lab:
            await asyncio.to_thread(hardship, "away/0.7")
            begun = time.monotonic()
            await lab.samples.CreateSample(new_sample())
            self.assertTrue(1 <= time.monotonic() - begun < 8)

    async def test_a_watch_goes_on_when_its_token_ends_and_when_the_lab_was_away(self) -> None:
        tokens = shortened(self.lab.tokens)
        lab = await self.again(tokens, retries=30)
        lot = unique("LOT")
        watch = lab.watch(lab.samples.WatchSamples, WatchSamplesRequest(filter=f'lot_code = "{lot}"'))
        # It begins with a sign of life; what was done until then is not told.
        self.assertFalse((await anext(watch)).HasField("event"))

        async def told() -> str:
            while not (message := await anext(watch)).HasField("event"):
                pass
            return str(message.event.sample.name)

        async def done() -> str:
            return (await lab.samples.CreateSample(new_sample(lot))).sample.name

        self.assertEqual(await done(), await told())
        await asyncio.sleep(SHORT_S)
        self.assertEqual(await done(), await told())
        self.assertNotEqual(lab.tokens.access_token, tokens.access_token)
        await asyncio.to_thread(hardship, "restart")
        self.assertEqual(await done(), await told())
