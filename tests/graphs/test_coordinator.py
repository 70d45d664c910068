"""The coordinator graph: its rooms, its routes, and what comes out of a brief."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from graphs.coordinator import NAME, graph, recipe
from graphs.studio import Order, Studio
from graphs.workshop import equip
from songwright import rhyme
from songwright.settings import ModelSettings, Settings
from storage import lyrics, moods, playlists, runs
from tests.conftest import settings_at

NODES = {
    "coordinator",
    "mood_analysis",
    "retrieve",
    "music_curation",
    "playlist",
    "lyric_planning",
    "review_plan",
    "lyric_generation",
    "lyric_evaluation",
    "lyric_refinement",
    "finish",
}


@pytest.fixture
def embedded(tmp_path: Path) -> Settings:
    return settings_at(tmp_path).model_copy(update={"models": ModelSettings(model="embedded")})  # pyright: ignore[reportCallIssue]


async def perform(studio: Studio, kind: str, **brief: Any) -> tuple[dict[str, Any], list[tuple[int, str, str]]]:
    order = Order(
        user_id=studio.local_user_id,
        graph=NAME,
        kind=kind,
        input={"brief": {"seed": 7, **brief}, "model": "embedded"},
    )
    run = await studio.start(order)
    events = [event async for event in studio.follow(run.id)]
    return json.loads(events[-1][2]), events


def test_the_graph_has_the_rooms_of_the_design() -> None:
    assert {name for name in graph().get_graph().nodes if not name.startswith("__")} == NODES


async def test_a_song_comes_with_its_trace_its_scores_and_is_kept(embedded: Settings) -> None:
    async with Studio.open(embedded, equip=equip, recipes={NAME: recipe(embedded.agents)}) as studio:
        result, events = await perform(studio, "generate", prompt="leaving my home town at dawn", genre="folk")
        assert events[-1][1] == "run_finished"
        kinds = Counter(kind for _, kind, _ in events)
        written = [json.loads(data) for _, kind, data in events if kind == "section_written"]
        assert kinds["section_written"] == len({section["section"] for section in written}) >= 3
        for section in written:
            tokens = [
                json.loads(data)["text"]
                for _, kind, data in events
                if kind == "token" and json.loads(data)["section"] == section["section"]
            ]
            assert "".join(tokens).split() == " ".join(section["lines"]).split()
        assert result["writer"] == {"provider": "embedded", "model": "songwright-bank"}
        assert 0.9 <= result["scores"]["overall"] <= 1
        kept = await studio.database.read(lambda c: lyrics.one(c, studio.local_user_id, result["lyrics"]["id"]))
        assert kept.version.text == result["lyrics"]["text"]
        assert await studio.database.read(lambda c: moods.listed(c, studio.local_user_id, limit=5))
        steps = await studio.database.read(lambda c: runs.steps(c, result["run_id"]))
        nodes = {step.node for step in steps}
        assert {"coordinator", "mood_analysis", "retrieve", "lyric_planning", "lyric_generation", "finish"} <= nodes
        generation = [step for step in steps if step.node == "lyric_generation"]
        assert all(step.tokens_out and step.first_token_ms is not None and step.prompt_digest for step in generation)


async def test_a_song_keeps_its_scheme_and_its_hook(embedded: Settings) -> None:
    async with Studio.open(embedded, equip=equip, recipes={NAME: recipe(embedded.agents)}) as studio:
        result, _ = await perform(studio, "generate", prompt="quitting my job on a monday", rhyme="AABB", syllables=7)
        choruses = [s for s in result["lyrics"]["sections"] if s["kind"] == "chorus"]
        assert len(choruses) == 3
        assert {tuple(line["text"] for line in c["lines"]) for c in choruses} == {
            tuple(line["text"] for line in choruses[0]["lines"])
        }
        for section in result["lyrics"]["sections"]:
            texts = [line["text"] for line in section["lines"]]
            assert rhyme.grade(texts[0], texts[1]) is not None
            assert all(7 in line["syllable_set"] for line in section["lines"])


async def test_equal_seeds_give_equal_songs_and_other_seeds_other_ones(embedded: Settings) -> None:
    async with Studio.open(embedded, equip=equip, recipes={NAME: recipe(embedded.agents)}) as studio:
        texts = [
            (await perform(studio, "generate", prompt="first snow", seed=seed))[0]["lyrics"]["text"]
            for seed in (3, 3, 4)
        ]
        assert texts[0] == texts[1]
        shared = set(texts[0].splitlines()) & set(texts[2].splitlines()) - {""}
        assert len(shared) <= 0.1 * len(set(texts[0].splitlines()))


async def test_a_plan_waits_for_a_person_and_takes_their_changes(embedded: Settings) -> None:
    async with Studio.open(embedded, equip=equip, recipes={NAME: recipe(embedded.agents)}) as studio:
        asked, events = await perform(studio, "generate", prompt="football on sunday", review_plan=True)
        assert events[-1][1] == "interrupted"
        assert asked["interrupts"][0]["value"]["title"]
        run_id = asked["run_id"]
        await studio.resume(run_id, studio.local_user_id, {"accept": True, "title": "Ninety Minutes More"})
        done = await studio.wait(run_id, timeout_s=30)
        assert done.result["lyrics"]["title"] == "Ninety Minutes More"
        after = [event async for event in studio.follow(run_id, after=events[-1][0])]
        assert [event[0] for event in after] == list(range(events[-1][0] + 1, after[-1][0] + 1))


async def test_a_playlist_is_ordered_reasoned_and_kept(embedded: Settings) -> None:
    async with Studio.open(embedded, equip=equip, recipes={NAME: recipe(embedded.agents)}) as studio:
        text = "rainy sunday, missing someone, want to feel better"
        result, _ = await perform(studio, "recommend", prompt=text, count=20)
        tracks = result["playlist"]["tracks"]
        assert len(tracks) == 20
        assert len({track["id"] for track in tracks}) == 20
        assert all(track["reason"] and 0 <= track["valence"] <= 1 and 0 <= track["energy"] <= 1 for track in tracks)
        first, last = tracks[:5], tracks[-5:]
        assert sum(t["valence"] for t in last) > sum(t["valence"] for t in first)
        _, places = await studio.database.read(
            lambda c: playlists.one(c, studio.local_user_id, result["playlist"]["id"])
        )
        assert [place.external_id for place in places] == [track["id"] for track in tracks]


ALONE = """
import asyncio
from graphs.coordinator import graph
state = asyncio.run(graph().ainvoke({"kind": "generate", "brief": {"prompt": "the last train home"}}))
print(len(state["best"].sections), state["best"].title, sep="\\n")
"""


def test_langgraphs_own_tools_can_run_the_graph(tmp_path: Path) -> None:
    """As `langgraph dev` does: without a checkpointer, without a context, with plain JSON for a brief."""
    environment = {**os.environ, "SONGWRIGHT_HOME": str(tmp_path), "SONGWRIGHT_MODELS__MODEL": "embedded"}
    done = subprocess.run(
        [sys.executable, "-c", ALONE], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    sections, title = done.stdout.strip().splitlines()[-2:]
    assert int(sections) >= 3
    assert title
