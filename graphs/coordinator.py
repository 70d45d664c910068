"""The coordinator graph: who goes next. Reads as a table of contents of the product.

Each adapter hands one agent its domain types and puts what it makes into the state; nothing else happens here.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, cast

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send, interrupt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from agents.critic import judge
from agents.curator import curate
from agents.kit import Kit
from agents.listener import explain
from agents.lyricist import write_section
from agents.mood import read_mood
from agents.planner import plan_song
from agents.refiner import refine_song
from graphs.executor import Recipe
from graphs.outcome import song_outcome
from graphs.recorder import RunRecorder
from graphs.state import RunContext, SectionTask, SongState, Workshop
from graphs.steps import Update, add_step
from songwright.progress import PlaylistMade, VerdictReached
from songwright.settings import AgentSettings
from songwright.song import (
    Brief,
    Decision,
    Degradation,
    Plan,
    Section,
    SectionKind,
    SectionPlan,
    Song,
    Verdict,
)
from storage.tables import Run

NAME = "songwright"
FIRST = (SectionKind.CHORUS, SectionKind.HOOK, SectionKind.PRE_CHORUS)  # written before the verses see them
WORDLESS = {"coordinator", "retrieve", "review_plan", "lyric_evaluation", "finish"}  # they ask no model
BRIEF: TypeAdapter[Brief] = TypeAdapter(Brief)

Builder = StateGraph[SongState, RunContext, SongState, SongState]


VISIBLE = r"\S"  # at least one character that shows
Job = Annotated[str, Field(max_length=200, pattern=VISIBLE)]


class PlanReview(BaseModel):
    """A person's answer to a plan: accept it, with changes of title, hook or jobs if they like."""

    model_config = ConfigDict(extra="forbid")

    accept: Literal[True] = Field(True, description="to refuse the plan, cancel the run")
    title: str | None = Field(None, max_length=60, pattern=VISIBLE)
    hook: str | None = Field(None, max_length=60, pattern=VISIBLE)
    jobs: dict[str, Job] | None = Field(None, max_length=16, description="section name → what it shall tell")


async def decide(state: SongState, kit: Kit) -> Update:
    """Route by the door the request came through, and settle who answers in this run."""
    writer = kit.voice.writer
    model = "embedded" if kit.voice.is_embedded else f"{writer.provider}:{writer.model}"
    settled: Update = {"model": model, "brief": BRIEF.validate_python(state["brief"])}
    if state.get("kind") == "recommend":
        return {**settled, "decision": Decision("recommend", "the request asks for music")}
    return {**settled, "decision": Decision("generate", "the request asks for a song")}


async def mood_analysis(state: SongState, kit: Kit) -> Update:
    """Read how the brief feels."""
    brief = state["brief"]
    is_listening = state["decision"].route == "recommend"
    text = " ".join(part for part in (brief.mood, brief.prompt) if part)
    mood, effects = await read_mood(text, kit, context=brief.context, wait_for_embedder=is_listening)
    return {"mood": mood, "context_effects": effects}


async def retrieve(state: SongState, kit: Kit) -> Update:
    """Find the user's own songs that resemble the brief."""
    return {"kept": await kit.kept_songs(state["brief"].prompt)}


async def lyric_planning(state: SongState, kit: Kit) -> Update:
    """Plan the song."""
    plan = await plan_song(state["brief"], state["mood"], state.get("kept", ()), kit)
    return {"plan": plan, "writers": [kit.voice.writer]}


async def review_plan(state: SongState, kit: Kit) -> Update:
    """Wait for a person to accept or change the plan."""
    del kit
    plan = state["plan"]
    asked = {"question": "Is this the song to write?", "title": plan.title, "hook": plan.hook, "jobs": _jobs(plan)}
    answer = PlanReview.model_validate(interrupt(asked, response_schema=PlanReview.model_json_schema()))
    return {"plan": _reviewed(plan, answer)}


async def lyric_generation(state: SongState, kit: Kit) -> Update:
    """Write the sections that this task was sent."""
    plan = state["plan"]
    written = dict(state.get("sections", {}))
    made: dict[str, Section] = {}
    for planned in _targets(state):
        section = await write_section(state["brief"], state["mood"], plan, planned, written, kit)
        made[planned.name] = written[planned.name] = section
    return {"sections": made, "writers": [kit.voice.writer] * len(made)}


async def lyric_evaluation(state: SongState, kit: Kit) -> Update:
    """Judge the draft, and remember it where it is the best so far."""
    round_number = state.get("round", 0)
    song = assembled(state["plan"], state["sections"])
    verdict = judge(state["brief"], state["plan"], song, round_number=round_number)
    kit.report(VerdictReached(verdict))
    update: Update = {"song": song, "verdict": verdict}
    if "best_verdict" not in state or verdict.overall > state["best_verdict"].overall:
        update |= {"best": song, "best_verdict": verdict}
    return update


async def lyric_refinement(state: SongState, kit: Kit) -> Update:
    """Mend the marked lines of the best draft."""
    changed = await refine_song(
        state["brief"], state["mood"], state["plan"], state["best"], state["best_verdict"], kit
    )
    sections = {section.name: section for section in state["best"].sections if section.name in state["sections"]}
    return {
        "sections": {**sections, **changed},
        "round": state.get("round", 0) + 1,
        "writers": [kit.voice.writer] * len(changed),
    }


async def finish(state: SongState, kit: Kit) -> Update:
    """Settle on the best draft."""
    del kit
    return {"song": state["best"], "verdict": state["best_verdict"]}


async def music_curation(state: SongState, kit: Kit) -> Update:
    """Choose and order tracks."""
    playlist = await curate(
        state["brief"],
        state["mood"],
        kit,
        context_effects=state.get("context_effects", ()),
        recent=await kit.recently_served(),
    )
    trouble = kit.catalogue.trouble
    degraded = [Degradation("music_curation", f"Nearness of meaning was skipped: {trouble}")] if trouble else []
    return {"playlist": playlist, "degraded": degraded}


async def playlist(state: SongState, kit: Kit) -> Update:
    """Say why this playlist."""
    said = await explain(state["playlist"], state["brief"], state["mood"], kit)
    explained = replace(state["playlist"], explanation=said)
    kit.report(PlaylistMade(explained))
    return {"playlist": explained, "writers": [kit.voice.writer]}


def after_coordinator(state: SongState) -> Sequence[str]:
    """A song wants mood and memory at once; a playlist the mood alone."""
    return ["mood_analysis"] if state["decision"].route == "recommend" else ["mood_analysis", "retrieve"]


def after_mood(state: SongState) -> Sequence[str]:
    """On to music or to words."""
    return ["music_curation"] if state["decision"].route == "recommend" else ["lyric_planning"]


def after_planning(state: SongState) -> Sequence[str | Send]:
    """A person looks at the plan where they asked to; otherwise the choruses are written first."""
    return ["review_plan"] if state["brief"].review_plan else write_next(state)


def write_next(state: SongState) -> Sequence[str | Send]:
    """Choruses and hooks in one task, then the rest fanned out, then the critic."""
    waiting = [
        section
        for section in state["plan"].sections
        if section.repeats is None and section.name not in state.get("sections", {})
    ]
    first = [section for section in waiting if section.kind in FIRST]
    if first:
        return [_send(state, first)]
    return [_send(state, [section]) for section in waiting] or ["lyric_evaluation"]


def after_writing(state: SongState) -> Sequence[str | Send]:
    """After the choruses the rest; after any of the rest the critic, who waits for all of them."""
    sections = {section.name: section for section in state["plan"].sections}
    if any(sections[name].kind not in FIRST for name in state.get("sections", {})):
        return ["lyric_evaluation"]
    return write_next(state)


def judge_route(settings: AgentSettings) -> Callable[[SongState], Sequence[str]]:
    """The route after a verdict: refine until it is good enough, no better, unmarked, or out of rounds."""

    def route(state: SongState) -> Sequence[str]:
        verdict, best = state["verdict"], state["best_verdict"]
        is_better = verdict.round == best.round
        is_done = best.overall >= settings.good_enough and not _hard_marks(best)
        if is_done or not is_better or not best.marks or state.get("round", 0) >= settings.max_rounds:
            return ["finish"]
        return ["lyric_refinement"]

    return route


def to(node: str) -> Callable[[SongState], Sequence[str]]:
    """The route of a step after which there is only one way."""
    return lambda _state: [node]


def _hard_marks(verdict: Verdict) -> bool:
    return any(mark.fault in ("rhyme", "syllables", "repetition") for mark in verdict.marks)


def build(settings: AgentSettings) -> Builder:
    """The graph, not compiled."""
    builder = Builder(SongState, context_schema=RunContext)
    judged = judge_route(settings)

    def add(name: str, work: Any, agent: str, route: Any, ways: Sequence[str], label: Any = None) -> None:
        speaks = name not in WORDLESS
        add_step(builder, name, work, agent=agent, settings=settings, route=route, label=label, speaks=speaks)
        builder.add_conditional_edges(name, route, list(ways))

    builder.add_edge(START, "coordinator")
    add("coordinator", decide, "coordinator", after_coordinator, ways=("mood_analysis", "retrieve"))
    add("mood_analysis", mood_analysis, "mood", after_mood, ways=("music_curation", "lyric_planning"))
    add("retrieve", retrieve, "librarian", to("lyric_planning"), ways=("lyric_planning",))
    add(
        "lyric_planning",
        lyric_planning,
        "planner",
        after_planning,
        ways=("review_plan", "lyric_generation", "lyric_evaluation"),
    )
    add("review_plan", review_plan, "person", write_next, ways=("lyric_generation", "lyric_evaluation"))
    add(
        "lyric_generation",
        lyric_generation,
        "lyricist",
        after_writing,
        label=_targets_label,
        ways=("lyric_generation", "lyric_evaluation"),
    )
    add("lyric_evaluation", lyric_evaluation, "critic", judged, ways=("lyric_refinement", "finish"))
    add(
        "lyric_refinement",
        lyric_refinement,
        "refiner",
        to("lyric_evaluation"),
        label=_round_label,
        ways=("lyric_evaluation",),
    )
    add("finish", finish, "coordinator", to(END), ways=(END,))
    add("music_curation", music_curation, "curator", to("playlist"), ways=("playlist",))
    add("playlist", playlist, "listener", to(END), ways=(END,))
    return builder


def graph() -> "CompiledStateGraph[SongState, RunContext, SongState, SongState]":
    """The graph without a checkpointer, for `langgraph.json`: LangGraph's own tools bring theirs."""
    return build(AgentSettings()).compile(name=NAME)  # pyright: ignore[reportCallIssue]


def recipe(settings: AgentSettings) -> Recipe:
    """How Studio runs the coordinator."""

    def context(run: Run, workshop: Workshop, recorder: RunRecorder) -> RunContext:
        return RunContext(workshop, run.user_id, run.input.get("model"), recorder)

    return Recipe(
        build=lambda checkpointer: build(settings).compile(checkpointer=checkpointer, name=NAME),
        begin=lambda run: {"kind": run.kind, "brief": BRIEF.validate_python(run.input["brief"])},
        context=context,
        conclude=song_outcome,
    )


def assembled(plan: Plan, sections: dict[str, Section]) -> Song:
    """The song in singing order, repeated sections sung again with the same words."""
    sung: list[Section] = []
    for planned in plan.sections:
        source = sections[planned.repeats or planned.name]
        sung.append(Section(planned.name, planned.kind, source.lines))
    return Song(plan.title, tuple(sung))


def _send(state: SongState, sections: Sequence[SectionPlan]) -> Send:
    known = {key: state[key] for key in ("brief", "model", "mood", "plan")}
    names = tuple(section.name for section in sections)
    return Send("lyric_generation", {**known, "sections": dict(state.get("sections", {})), "targets": names})


def _targets(state: SongState) -> list[SectionPlan]:
    names = cast("SectionTask", state)["targets"]
    return [section for section in state["plan"].sections if section.name in names]


def _targets_label(state: SongState) -> str:
    return ", ".join(section.name for section in _targets(state))


def _round_label(state: SongState) -> str:
    return f"round {state.get('round', 0) + 1}"


def _jobs(plan: Plan) -> dict[str, str]:
    return {section.name: section.job for section in plan.sections}


def _reviewed(plan: Plan, answer: PlanReview) -> Plan:
    jobs = answer.jobs or {}
    return Plan(
        title=answer.title or plan.title,
        hook=answer.hook or plan.hook,
        theme=plan.theme,
        point_of_view=plan.point_of_view,
        tense=plan.tense,
        sections=tuple(
            SectionPlan(
                name=section.name,
                kind=section.kind,
                scheme=section.scheme,
                syllables=section.syllables,
                job=jobs.get(section.name, section.job),
                images=section.images,
                repeats=section.repeats,
            )
            for section in plan.sections
        ),
        images=plan.images,
        note=plan.note,
    )
