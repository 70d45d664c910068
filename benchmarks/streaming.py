"""Graphs that stream from a fake model, as plain LangGraph and as Studio runs them: the same nodes, the same tokens.

Knows how both are built; refuses to know clocks.
"""

import operator
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, TypedDict

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import override

from agents.kit import Kit
from graphs.executor import Recipe
from graphs.outcome import Outcome
from graphs.state import RunContext
from graphs.steps import add_step
from songwright.progress import Token
from songwright.settings import AgentSettings
from storage.tables import Run

Graph = CompiledStateGraph[Any, Any, Any, Any]
Nodes = Mapping[str, int]  # name → tokens that its model yields

ONE_NODE: Nodes = {"verse": 50}
THREE_NODES: Nodes = {"verse": 66, "chorus": 67, "bridge": 66}  # 199 tokens


class FakeModel(BaseChatModel):
    """Yields its tokens one after another without a pause."""

    tokens: int

    @property
    @override
    def _llm_type(self) -> str:
        return "fake"

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text = "".join(f"t{i} " for i in range(self.tokens))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=text))])

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for i in range(self.tokens):
            is_last = i == self.tokens - 1
            message = AIMessageChunk(content=f"t{i} ", chunk_position="last" if is_last else None)
            chunk = ChatGenerationChunk(message=message)
            if run_manager is not None:
                await run_manager.on_llm_new_token(f"t{i} ", chunk=chunk)
            yield chunk


class Texts(TypedDict):
    """What the nodes have said."""

    texts: Annotated[list[str], operator.add]


class RunTexts(Texts):
    """The same, with the key by which a run remembers who answers."""

    model: str


def plain_graph(saver: BaseCheckpointSaver[Any], nodes: Nodes) -> Graph:
    """The nodes in a row, as LangGraph's own documentation builds them; tokens are for `stream_mode="messages"`."""
    builder = StateGraph(Texts)

    def node(model: FakeModel) -> Any:
        async def work(_state: Texts) -> dict[str, Any]:
            answer = await model.ainvoke("Sing.")
            return {"texts": [answer.text]}

        return work

    before = START
    for name, tokens in nodes.items():
        builder.add_node(name, node(FakeModel(tokens=tokens)))
        builder.add_edge(before, name)
        before = name
    builder.add_edge(before, END)
    return builder.compile(checkpointer=saver)


def studio_recipe(settings: AgentSettings, nodes: Nodes) -> Recipe:
    """The nodes in a row, under trace and durable events; tokens are reported as agents report them."""
    builder: Any = StateGraph(RunTexts, context_schema=RunContext)

    def node(name: str, model: FakeModel) -> Any:
        async def work(_state: Any, kit: Kit) -> dict[str, Any]:
            pieces: list[str] = []
            async for chunk in model.astream("Sing."):
                pieces.append(chunk.text)
                if chunk.text:
                    kit.report(Token(name, chunk.text))
            return {"texts": ["".join(pieces)]}

        return work

    before = START
    for name, tokens in nodes.items():
        add_step(builder, name, node(name, FakeModel(tokens=tokens)), agent=name, settings=settings)
        builder.add_edge(before, name)
        before = name
    builder.add_edge(before, END)
    return Recipe(
        build=lambda checkpointer: builder.compile(checkpointer=checkpointer),
        begin=lambda _run: {"texts": [], "model": "embedded"},
        context=lambda run, workshop, recorder: RunContext(workshop, run.user_id, "embedded", recorder),
        conclude=_conclude,
    )


def _conclude(run: Run, state: Any) -> Outcome:
    return Outcome({"run_id": run.id, "status": "succeeded", "texts": state["texts"]}, {})
