"""Studio: what was admitted ends, events run 1, 2, 3 …, and a process that is killed loses nothing."""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import interrupt

from agents.kit import Kit
from agents.models import ModelFailure
from graphs.executor import Recipe
from graphs.studio import Studio
from graphs.workshop import equip
from songwright.errors import Conflict, NotFound, Overworked, Unfit
from songwright.settings import AgentSettings, ModelSettings, Settings
from storage import runs
from storage.database import Connection
from storage.runs import Event
from tests.graphs.trivial import asking, chain, of_steps, order, settings_at_home

WAIT_S = 30.0


@asynccontextmanager
async def opened(settings: Settings, **recipes: Recipe) -> AsyncGenerator[Studio]:
    async with Studio.open(settings, equip=equip, recipes=recipes) as studio:
        yield studio


@pytest.fixture
def calm(engine_settings: Settings) -> Settings:
    """Either database, the embedded writer, quick upkeep."""
    return engine_settings.model_copy(
        update={
            "models": ModelSettings(model="embedded"),  # pyright: ignore[reportCallIssue]
            "agents": AgentSettings(reap_s=0.1),  # pyright: ignore[reportCallIssue]
        }
    )


async def read_all(studio: Studio, run_id: str, *, after: int = 0) -> list[Event]:
    async with asyncio.timeout(WAIT_S):
        return [event async for event in studio.follow(run_id, after=after)]


def assert_whole(events: list[Event], *, first: int = 1) -> None:
    assert [event[0] for event in events] == list(range(first, first + len(events)))


async def test_a_run_ends_and_its_stream_is_numbered_without_a_gap(calm: Settings) -> None:
    async with opened(calm, chain=chain(calm, 3, tokens=30, pace_s=0.001)) as studio:
        run = await studio.start(order(studio, "chain"))
        events = await read_all(studio, run.id)
        assert_whole(events)
        assert events[0][1] == "run_started"
        assert events[-1][1] == "run_finished"
        assert json.loads(events[-1][2])["log"] == ["in", "n0", "n1", "n2"]
        text = "".join(json.loads(data)["text"] for _, kind, data in events if kind == "token")
        assert text == "".join(f"{i}.{t} " for i in range(3) for t in range(30))
        assert (await studio.run(run.id)).status == "succeeded"


async def test_following_from_any_event_gives_exactly_the_rest(calm: Settings) -> None:
    async with opened(calm, chain=chain(calm, 2, tokens=10, pace_s=0.001)) as studio:
        run = await studio.start(order(studio, "chain"))
        whole = await read_all(studio, run.id)
        for index in range(len(whole) + 1):
            assert await read_all(studio, run.id, after=index) == whole[index:]


async def test_every_step_has_one_row_closed_with_its_writes(calm: Settings) -> None:
    async with opened(calm, chain=chain(calm, 3)) as studio:
        run = await studio.start(order(studio, "chain"))
        await studio.wait(run.id, timeout_s=WAIT_S)
        steps = await studio.database.read(lambda c: runs.steps(c, run.id))
        assert [(s.node, s.attempt, s.status) for s in steps] == [(f"n{i}", 1, "succeeded") for i in range(3)]
        assert all(s.duration_ms is not None and s.output_sha256 and s.checkpoint_id for s in steps)


async def test_a_failing_step_is_tried_again_and_each_attempt_is_a_row(calm: Settings) -> None:
    tries = Counter[str]()

    class Flaky(ModelFailure):
        retry = True

    async def work(_state: Any, _kit: Kit) -> dict[str, Any]:
        tries["n"] += 1
        if tries["n"] == 1:
            raise Flaky("The model coughed.")
        return {"log": ["recovered"]}

    async with opened(calm, flaky=of_steps(calm, {"n": work})) as studio:
        run = await studio.start(order(studio, "flaky"))
        events = await read_all(studio, run.id)
        assert [kind for _, kind, _ in events] == [
            "run_started",
            "step_started",
            "step_restarted",
            "step_finished",
            "run_finished",
        ]
        steps = await studio.database.read(lambda c: runs.steps(c, run.id))
        assert [(s.attempt, s.status, s.error) for s in steps] == [
            (1, "failed", "The model coughed."),
            (2, "succeeded", None),
        ]


async def test_an_error_of_the_services_own_fails_the_run_with_a_problem(calm: Settings) -> None:
    async def work(_state: Any, _kit: Kit) -> dict[str, Any]:
        raise KeyError("secret detail")

    async with opened(calm, broken=of_steps(calm, {"n": work})) as studio:
        run = await studio.start(order(studio, "broken"))
        events = await read_all(studio, run.id)
        problem = json.loads(events[-1][2])
        assert (events[-1][1], problem["status"], problem["type"]) == ("run_failed", 500, "/problems/internal")
        assert "secret detail" not in events[-1][2]
        assert (await studio.run(run.id)).status == "failed"


async def test_cancelling_ends_a_running_run_at_once(calm: Settings) -> None:
    async with opened(calm, slow=chain(calm, 1, tokens=100_000, pace_s=0.01)) as studio:
        run = await studio.start(order(studio, "slow"))
        async with asyncio.timeout(WAIT_S):
            async for _, kind, _ in studio.follow(run.id):
                if kind == "token":
                    break
        await studio.cancel(run.id, studio.local_user_id)
        done = await studio.wait(run.id, timeout_s=WAIT_S)
        assert done.status == "cancelled"
        events = await read_all(studio, run.id)
        assert_whole(events)
        assert json.loads(events[-1][2])["status"] == "cancelled"
        steps = await studio.database.read(lambda c: runs.steps(c, run.id))
        assert [s.status for s in steps] == ["cancelled"]


async def test_answers_reach_only_the_question_they_were_given_to(calm: Settings) -> None:
    async with opened(calm, asking=asking(calm)) as studio:
        run = await studio.start(order(studio, "asking"))
        waiting = await studio.wait(run.id, timeout_s=WAIT_S)
        assert waiting.status == "interrupted"
        assert waiting.interrupts[0]["value"] == {"question": "colour"}
        with pytest.raises(Unfit, match="does not fit"):
            await studio.resume(run.id, studio.local_user_id, {"word": 7})
        await studio.resume(run.id, studio.local_user_id, {"word": "blue"})
        with pytest.raises(Conflict):
            await studio.resume(run.id, studio.local_user_id, {"word": "blue"})
        second = await studio.wait(run.id, timeout_s=WAIT_S)
        assert second.interrupts[0]["value"] == {"question": "shape"}
        await studio.resume(run.id, studio.local_user_id, {second.interrupts[0]["id"]: {"word": "round"}})
        done = await studio.wait(run.id, timeout_s=WAIT_S)
        assert done.result["log"] == ["in", "colour=blue", "shape=round"]
        assert_whole(await read_all(studio, run.id))


async def test_an_idempotency_key_names_one_run(calm: Settings) -> None:
    async with opened(calm, chain=chain(calm, 1)) as studio:
        first = await studio.start(order(studio, "chain", idempotency_key="k", body_digest="a"))
        again = await studio.start(order(studio, "chain", idempotency_key="k", body_digest="a"))
        assert again.id == first.id
        with pytest.raises(Conflict, match="another body"):
            await studio.start(order(studio, "chain", idempotency_key="k", body_digest="b"))
        at_once = await asyncio.gather(
            *(studio.start(order(studio, "chain", idempotency_key="j", body_digest="a")) for _ in range(8))
        )
        assert len({run.id for run in at_once}) == 1
        assert (await studio.wait(at_once[0].id, timeout_s=WAIT_S)).status == "succeeded"


async def test_a_full_queue_says_so_and_loses_nothing(calm: Settings) -> None:
    tight = calm.model_copy(
        update={"agents": AgentSettings(concurrent_runs=1, queued_runs=2, reap_s=0.1)}  # pyright: ignore[reportCallIssue]
    )
    async with opened(tight, slow=chain(tight, 1, tokens=20, pace_s=0.01)) as studio:
        admitted: list[str] = []
        refused = 0
        for _ in range(10):
            try:
                admitted.append((await studio.start(order(studio, "slow"))).id)
            except Overworked:
                refused += 1
        assert refused >= 1
        assert len(admitted) >= 2
        for run_id in admitted:
            assert (await studio.wait(run_id, timeout_s=WAIT_S)).status == "succeeded"


async def test_a_stranger_sees_no_run(calm: Settings) -> None:
    async with opened(calm, chain=chain(calm, 1)) as studio:
        run = await studio.start(order(studio, "chain"))
        with pytest.raises(NotFound):
            await studio.run(run.id, "somebody-else")


async def test_a_lost_fence_refuses_the_stale_executor(calm: Settings) -> None:
    """Another claim of the same run (its lease was voided) finishes it; the first executor's writes are refused."""
    async with opened(calm, slow=chain(calm, 2, tokens=40, pace_s=0.01)) as studio:
        run = await studio.start(order(studio, "slow"))
        async with asyncio.timeout(WAIT_S):
            async for _, kind, _ in studio.follow(run.id):
                if kind == "token":
                    break
        await studio.database.write(runs.void_leases)
        taken = await studio.database.write(lambda c: runs.claim(c, run.id, owner="other", lease_s=0.2))
        assert taken is not None
        done = await studio.wait(run.id, timeout_s=WAIT_S)
        assert done.status == "succeeded"
        assert done.fence >= 3
        assert done.result["log"] == ["in", "n0", "n1"]
        assert_whole(await read_all(studio, run.id))


async def test_a_home_is_held_by_one_process(calm: Settings) -> None:
    if not calm.is_embedded:
        pytest.skip("only an embedded home is locked")
    async with opened(calm, chain=chain(calm, 1)):
        with pytest.raises(Conflict, match="holds the home folder"):
            async with opened(calm, chain=chain(calm, 1)):
                pass


@pytest.mark.parametrize("seed", range(4))
async def test_killed_at_any_moment_everything_ends_and_every_reader_gets_all_of_it(
    tmp_path: Path, seed: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.graphs.trivial", str(tmp_path), "5", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_S):
        assert await process.stdout.readline() == b"started\n"
        # The moment of death is the experiment: somewhere within the 0.4 s that the runs take.
        await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=random.Random(seed).uniform(0.0, 0.4))
        process.kill()
        await process.wait()
    settings = settings_at_home(tmp_path)
    async with opened(settings, slow=chain(settings, 4, tokens=20, pace_s=0.004)) as studio:
        left = await studio.database.read(lambda c: runs.listed(c, studio.local_user_id, limit=10))
        assert len(left) == 5
        for run in left:
            seen_before = run.last_seq  # what a client may have seen when the process died
            tail = await read_all(studio, run.id, after=seen_before)
            whole = await read_all(studio, run.id)
            assert_whole(whole)
            assert whole[seen_before:] == tail
            assert json.loads(whole[-1][2])["log"] == ["in", "n0", "n1", "n2", "n3"]
            finished = Counter(json.loads(data)["step"] for _, kind, data in whole if kind == "step_finished")
            assert finished == {"n0": 1, "n1": 1, "n2": 1, "n3": 1}
            steps = await studio.database.read(lambda c, run_id=run.id: runs.steps(c, run_id))
            succeeded = Counter(step.node for step in steps if step.status == "succeeded")
            assert succeeded == {"n0": 1, "n1": 1, "n2": 1, "n3": 1}
            assert {step.status for step in steps} <= {"succeeded", "lost"}


async def test_a_cancel_that_meets_an_interrupt_still_cancels(calm: Settings) -> None:
    """The wish is stored while the run executes; the run asks before anybody could stop it."""
    release = asyncio.Event()

    async def work(_state: Any, _kit: Kit) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            await release.wait()
        return {"log": [str(interrupt({"question": "colour"}))]}

    async with opened(calm, asking=of_steps(calm, {"n": work})) as studio:
        run = await studio.start(order(studio, "asking"))
        async with asyncio.timeout(WAIT_S):
            async for _, kind, _ in studio.follow(run.id):
                if kind == "step_started":
                    break

        def ask(connection: Connection) -> None:  # as another process would
            runs.request_cancel(connection, run.id, closing=("run_finished", "{}"))

        await studio.database.write(ask)
        release.set()
        done = await studio.wait(run.id, timeout_s=WAIT_S)
        assert done.status == "cancelled"
        assert_whole(await read_all(studio, run.id))


async def test_a_refused_claim_leaves_the_others_alone(calm: Settings) -> None:
    """Two runs of one thread: the second waits until the first has ended, and nothing falls over."""
    async with opened(calm, slow=chain(calm, 1, tokens=20, pace_s=0.01)) as studio:
        first = await studio.start(order(studio, "slow", thread_id="one-thread"))
        second = await studio.start(order(studio, "slow", thread_id="one-thread"))
        for run in (first, second):
            assert (await studio.wait(run.id, timeout_s=WAIT_S)).status == "succeeded"
        done, after = [await studio.run(run.id) for run in (first, second)]
        assert done.finished_at is not None
        assert after.started_at is not None
        assert done.finished_at <= after.started_at


async def test_news_with_a_hole_sends_a_follower_to_the_database(calm: Settings) -> None:
    async with opened(calm, slow=chain(calm, 1, tokens=50, pace_s=0.01)) as studio:
        run = await studio.start(order(studio, "slow"))
        followed: list[Event] = []
        async with asyncio.timeout(WAIT_S):
            async for event in studio.follow(run.id):
                followed.append(event)
                if len(followed) == 4:  # the news claims that events were made which nobody kept yet
                    studio.wire.announce(run.id, [(event[0] + 7, "token", "{}")])
        assert followed == await read_all(studio, run.id)


async def test_a_step_whose_model_fails_for_good_is_stood_in_for_with_a_row_of_its_own(calm: Settings) -> None:
    class Gone(ModelFailure):
        retry = True

    voices = iter([Gone("first"), Gone("second"), None])

    async def work(_state: Any, _kit: Kit) -> dict[str, Any]:
        failure = next(voices)
        if failure is not None:
            raise failure
        return {"log": ["stood in"]}

    async with opened(calm, gone=of_steps(calm, {"n": work})) as studio:
        run = await studio.start(order(studio, "gone"))
        done = await studio.wait(run.id, timeout_s=WAIT_S)
        assert done.status == "succeeded"
        assert done.result["log"] == ["in", "stood in"]
        steps = await studio.database.read(lambda c: runs.steps(c, run.id))
        assert [s.status for s in steps] == ["failed", "failed", "succeeded"]
        kinds = [kind for _, kind, _ in await read_all(studio, run.id)]
        assert kinds[1:-1] == ["step_started", "step_restarted", "step_restarted", "step_finished"]
