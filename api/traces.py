"""What a run left behind for those who look closely: its checkpoints, and what its steps were given and made.

Reads through the graph and the trace, and forgets a run when it is deleted.
"""

from collections.abc import Mapping
from typing import Any

from api.answers import CheckpointView, StepPayloads, StepView
from graphs.studio import Studio
from graphs.views import preview
from songwright.errors import NotFound
from storage import agentlog, runs
from storage.tables import Run

MOST_CHECKPOINTS = 200  # of one run that are shown


async def checkpoints_of(studio: Studio, run: Run) -> list[CheckpointView]:
    """The checkpoints that this run wrote, newest first; none where its graph is not served any more."""
    graph: Any = studio.graphs.get(run.graph)
    if graph is None:
        return []
    history = graph.aget_state_history(
        {"configurable": {"thread_id": run.thread_id}}, filter={"run_id": run.id}, limit=MOST_CHECKPOINTS
    )
    return [_checkpoint(snapshot) async for snapshot in history]


async def forget(studio: Studio, run: Run) -> None:
    """Delete a run with its events, steps and checkpoints."""
    graph: Any = studio.graphs.get(run.graph)
    if graph is not None:
        await graph.checkpointer.adelete_for_runs([run.id])
    await studio.database.write(lambda connection: runs.erase(connection, run.id))


def _checkpoint(snapshot: Any) -> CheckpointView:
    metadata: Mapping[str, Any] = snapshot.metadata or {}
    parent: Mapping[str, Any] = snapshot.parent_config["configurable"] if snapshot.parent_config else {}
    return CheckpointView(
        checkpoint_id=snapshot.config["configurable"]["checkpoint_id"],
        parent_id=parent.get("checkpoint_id"),
        step=metadata.get("step"),
        source=metadata.get("source"),
        next=list(snapshot.next),
        created_at=snapshot.created_at,
        values={name: preview({name: value}) or "" for name, value in snapshot.values.items()},
    )


async def step_with_payloads(studio: Studio, run: Run, step_id: str) -> StepPayloads:
    """One attempt of one step with its payloads. Raises NotFound where the run has no such step."""

    def query(connection: Any) -> StepPayloads:
        step = next((row for row in runs.steps(connection, run.id) if row.id == step_id), None)
        if step is None:
            raise NotFound(f"Run {run.id!r} has no step {step_id!r}.")

        def payload(digest: str | None) -> Any:
            return None if digest is None else agentlog.payload(connection, run.user_id, digest)

        return StepPayloads(
            step=StepView.model_validate(step),
            input=payload(step.input_sha256),
            output=payload(step.output_sha256),
            calls=payload(step.calls_sha256),
        )

    return await studio.database.read(query)
