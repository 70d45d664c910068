"""The embedded writer as a LangChain chat model: needs no weights and no network, streams like any other.

Reads the typed task beside the prompt and ignores the prompt; refuses to know graphs, settings and stores.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, assert_never

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from agents.embedded.beam import SectionWriter
from agents.embedded.draft import draft_plan
from agents.embedded.frame import frame_of
from agents.embedded.mend import alternatives
from agents.embedded.remarks import explain, opinion
from agents.tasks import DraftPlan, ExplainPlaylist, MendLine, ReadMood, Task, WriteSection

_WORD = re.compile(r"\S+\s*|\s+")


def answer(task: Task) -> str:
    """Return the writer's whole answer to a task: lyric or prose as text, the other shapes as JSON."""
    match task:
        case WriteSection():
            return write_section(task)
        case DraftPlan():
            return draft_plan(task).model_dump_json()
        case MendLine():
            return alternatives(task).model_dump_json()
        case ReadMood():
            return opinion(task).model_dump_json()
        case ExplainPlaylist():
            return explain(task)
        case _:
            assert_never(task)


def write_section(task: WriteSection) -> str:
    """Return the lines of one section, joined by newlines."""
    frame = frame_of(task.brief, task.mood, theme=task.plan.theme)
    taken = [line.text for section in task.written for line in section.lines]
    return "\n".join(SectionWriter(frame, task.plan, task.section, taken=taken).write())


class EmbeddedWriter(BaseChatModel):
    """Writes from grammar, phonology and rhyme. The task comes as `task=` of `astream` or `ainvoke`."""

    @property
    def _llm_type(self) -> str:
        return "songwright-embedded"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        *,
        task: Task | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        text = answer(_required(task))
        message = AIMessage(content=text, usage_metadata=_usage(messages, text))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        *,
        task: Task | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        text = await asyncio.to_thread(answer, _required(task))
        message = AIMessage(content=text, usage_metadata=_usage(messages, text))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        task: Task | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> AsyncIterator[ChatGenerationChunk]:
        text = await asyncio.to_thread(answer, _required(task))
        pieces = _WORD.findall(text) or [""]
        for place, piece in enumerate(pieces):
            is_last = place == len(pieces) - 1
            usage = _usage(messages, text) if is_last else None
            message = AIMessageChunk(content=piece, usage_metadata=usage, chunk_position="last" if is_last else None)
            chunk = ChatGenerationChunk(message=message)
            if run_manager is not None:
                await run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk


def _required(task: Task | None) -> Task:
    if task is None:
        raise ValueError("The embedded writer answers tasks, not prompts: pass task=… beside the messages.")
    return task


def _usage(messages: Sequence[BaseMessage], text: str) -> UsageMetadata:
    """Count words as tokens: the writer has no tokenizer, and a trace wants a size."""
    read = sum(len(message.text.split()) for message in messages)
    written = len(text.split())
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
