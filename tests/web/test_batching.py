"""Requests that are answered together."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from diptych.errors import Refused, StoreFailed
from diptych.web.batching import Batcher
from diptych.web.limits import Limits


def doubled(sizes: list[int], *, seconds: float = 0.0) -> "Batcher[int, int]":
    def work(items: Sequence[int]) -> list[int | Exception]:
        sizes.append(len(items))
        time.sleep(seconds)
        return [ValueError(item) if item < 0 else 2 * item for item in items]

    return Batcher(work, name="double", limits=Limits(together=8, waiting=20, gather_seconds=0.05))


def test_those_who_come_at_once_are_answered_together() -> None:
    sizes: list[int] = []
    batcher = doubled(sizes)

    async def ask() -> list[int]:
        return await asyncio.gather(*(batcher.ask(k) for k in range(20)))

    assert asyncio.run(ask()) == [2 * k for k in range(20)]
    assert sizes == [8, 8, 4]
    batcher.close()
    assert not batcher.alive


def test_an_error_is_told_to_the_one_whose_item_made_it() -> None:
    batcher = doubled([])

    async def ask() -> list[int | BaseException]:
        return await asyncio.gather(*(batcher.ask(k) for k in (1, -1, 2)), return_exceptions=True)

    first, wrong, second = asyncio.run(ask())
    assert (first, second) == (2, 4)
    assert isinstance(wrong, ValueError)
    batcher.close()


def test_an_item_that_breaks_the_batch_spoils_no_other() -> None:
    def work(items: Sequence[int]) -> list[int | Exception]:
        if 0 in items:
            raise ZeroDivisionError
        return list(items)

    batcher: Batcher[int, int] = Batcher(work, name="fragile", limits=Limits(gather_seconds=0.05))

    async def ask() -> list[int | BaseException]:
        return await asyncio.gather(*(batcher.ask(k) for k in (1, 0, 2)), return_exceptions=True)

    first, broken, second = asyncio.run(ask())
    assert (first, second) == (1, 2)
    assert isinstance(broken, ZeroDivisionError)
    batcher.close()


def test_who_comes_when_the_queue_is_full_is_sent_away_at_once() -> None:
    gate = threading.Event()

    def work(items: Sequence[int]) -> list[int | Exception]:
        gate.wait(10)
        return list(items)

    batcher: Batcher[int, int] = Batcher(work, name="slow", limits=Limits(together=1, waiting=3, gather_seconds=0.0))

    async def ask() -> int:
        first = asyncio.ensure_future(batcher.ask(0))
        while batcher.waiting or not first:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        others = [asyncio.ensure_future(batcher.ask(k)) for k in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(Refused, match="the service is overloaded") as refusal:
            await batcher.ask(9)
        gate.set()
        await asyncio.gather(first, *others)
        return refusal.value.status

    assert asyncio.run(ask()) == 503
    batcher.close()


def test_what_nobody_waits_for_is_left_out() -> None:
    sizes: list[int] = []
    batcher = doubled(sizes, seconds=0.1)

    async def ask() -> int:
        busy = asyncio.ensure_future(batcher.ask(0))
        await asyncio.sleep(0.1)
        abandoned = [asyncio.ensure_future(batcher.ask(k)) for k in range(3)]
        kept = asyncio.ensure_future(batcher.ask(7))
        await asyncio.sleep(0)
        for task in abandoned:
            task.cancel()
        await busy
        return await kept

    assert asyncio.run(ask()) == 14
    assert sizes == [1, 1]
    batcher.close()


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    batcher: Batcher[int, int] = Batcher(
        lambda items: time.sleep(0.3) or list(items), name="slow", limits=Limits(seconds=0.05)
    )
    with pytest.raises(Refused, match="the answer took too long") as refusal:
        asyncio.run(batcher.ask(1))
    assert refusal.value.code == "too_long"
    batcher.close()


def test_closing_finishes_what_waits() -> None:
    sizes: list[int] = []
    batcher = doubled(sizes, seconds=0.05)

    async def ask() -> list[int]:
        asked = [asyncio.ensure_future(batcher.ask(k)) for k in range(10)]
        await asyncio.sleep(0)
        await asyncio.to_thread(batcher.close)
        return await asyncio.gather(*asked)

    assert asyncio.run(ask()) == [2 * k for k in range(10)]
    with pytest.raises(Refused):
        asyncio.run(batcher.ask(1))


def test_a_store_that_fails_is_waited_for_once_for_all() -> None:
    tried: list[int] = []

    def work(items: Sequence[int]) -> list[int | Exception]:
        tried.append(len(items))
        raise StoreFailed("the server is gone.")

    batcher: Batcher[int, int] = Batcher(work, name="lost", limits=Limits(gather_seconds=0.05))

    async def ask() -> list[int | BaseException]:
        return await asyncio.gather(*(batcher.ask(k) for k in range(5)), return_exceptions=True)

    assert [type(each) for each in asyncio.run(ask())] == [StoreFailed] * 5
    assert tried == [5]
    batcher.close()
