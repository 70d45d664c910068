"""The fence: a write made for a run holds only while the run is still executed under the same claim.

Refuses to know who claims; it only reads the run's row in the transaction of the write it guards.
"""

from sqlalchemy import Connection, bindparam, select
from sqlmodel import SQLModel

from songwright.errors import Conflict
from storage.tables import Run

_RUN = SQLModel.metadata.tables[Run.__tablename__]
# FOR SHARE on PostgreSQL: nobody moves the fence before this transaction ends. SQLite has one writer and ignores it.
_HELD = (
    select(_RUN.c.fence)
    .where(_RUN.c.id == bindparam("run_id"), _RUN.c.fence == bindparam("fence"), _RUN.c.status == "running")
    .with_for_update(read=True)
)


class FenceLost(Conflict):
    """Raised where a run has ended or another executor has claimed it since; nothing of the write is kept."""


def check_fence(connection: Connection, run_id: str, fence: int) -> None:
    """Hold the run to `fence` until the transaction ends. Raises FenceLost where it is no longer ours."""
    if connection.execute(_HELD, {"run_id": run_id, "fence": fence}).first() is None:
        raise FenceLost(
            f"Run {run_id!r} is no longer executed under fence {fence}; leave it to whoever holds it now."
        )
