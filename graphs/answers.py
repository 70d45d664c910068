"""What a person answers to an interrupt: checked when it is given, fed to the graph only while it is asked for.

Knows interrupts and their schemas; refuses to know runs' lives.
"""

from typing import Any, cast

import jsonschema
from langgraph.types import Command

from songwright.errors import Unfit
from storage.tables import Run


def answers_by_id(asked: list[dict[str, Any]], answer: Any) -> dict[str, Any]:
    """The answer as `{interrupt id: value}`, so that a redelivered one can never answer the next question.

    Raises Unfit where it does not say which of several it answers, or does not fit an interrupt's schema.
    """
    ids = {interrupt["id"] for interrupt in asked}
    given = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    if given and given.keys() <= ids:
        answers: dict[str, Any] = given
    elif len(asked) > 1:
        raise Unfit(f"The run asks {len(asked)} things; answer with {{interrupt id: value}} for {sorted(ids)!r}.")
    else:
        answers = {asked[0]["id"]: answer}
    for interrupt in asked:
        if interrupt["id"] in answers and interrupt["schema"]:
            _check(answers[interrupt["id"]], interrupt["schema"])
    return answers


def _check(value: Any, schema: dict[str, Any]) -> None:
    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError as error:
        where = "".join(f"/{part}" for part in error.absolute_path)
        raise Unfit(
            f"The answer does not fit what was asked: {error.message[:300]}.", pointer=f"/value{where}"
        ) from error


async def where_it_stood(graph: Any, config: Any, run: Run, feed: Any) -> Any:
    """What to feed a run that was executed before: its stored answer while that is asked for, else nothing."""
    snapshot = await graph.aget_state(config)
    if (snapshot.metadata or {}).get("run_id") != run.id:
        return feed  # it was cut off before its first checkpoint
    pending = {interrupt.id for task in snapshot.tasks for interrupt in task.interrupts}
    stored = cast("dict[str, Any]", run.resume or {})
    answers = {key: value for key, value in stored.items() if key in pending}
    if not answers:
        return None
    command: Command[Any] = Command(resume=answers)
    return command
