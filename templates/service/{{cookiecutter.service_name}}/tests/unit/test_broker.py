"""The end of the broker's side: it comes, whatever the loops make of being told to end."""

import asyncio
import contextlib

from {{ cookiecutter.package_name }}.broker import CANCELS, STOP_TIMEOUT_S, end


async def deaf(ends: int, told: list[str]) -> None:
    """A loop that misses so many times that it was told to end."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            told.append("end")
            if len(told) > ends:
                raise


async def test_a_loop_that_missed_its_end_is_told_again() -> None:
    """As one does that waits by asyncio.wait_for for what is there in the same moment."""
    told: list[str] = []
    task = asyncio.create_task(deaf(1, told))
    await asyncio.sleep(0)
    async with asyncio.timeout(STOP_TIMEOUT_S):
        await end([task])
    assert task.cancelled()
    assert told == ["end", "end"]


async def test_a_loop_that_hears_nothing_holds_nobody_up() -> None:
    """It is told as often as there is time for, and then left."""
    told: list[str] = []
    task = asyncio.create_task(deaf(CANCELS, told))
    await asyncio.sleep(0)
    async with asyncio.timeout(2 * STOP_TIMEOUT_S):
        await end([task])
    assert not task.done()
    assert len(told) == CANCELS
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_what_a_loop_has_failed_with_is_nobody_else_s() -> None:
    """The end goes on, and nothing is left that was never looked at."""

    async def failing() -> None:
        raise OSError("no broker")

    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    await end([task])
    assert isinstance(task.exception(), OSError)
    await end([])
