"""The trace: one row per attempt of a step, and the payloads its digests point to.

Units for `Database.write`; a row is opened when the attempt starts and closed in the transaction that commits the
task's writes. Nothing is sampled; a preview is the only thing that is shortened, and it is called a preview.
"""

import zlib
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, cast

import orjson
from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from songwright.errors import NotFound
from storage.tables import now

AGENT_LOG: Table = SQLModel.metadata.tables["agent_log"]
PAYLOAD: Table = SQLModel.metadata.tables["payload"]
SMALL = 512  # bytes that are kept as they are: packing them costs more than it saves
ZLIB_HEAD = b"\x78"

Packed = tuple[str, int, bytes]  # sha256 hex, bytes before compression, body (zlib where it pays)

_OPEN = insert(AGENT_LOG)
_CLOSE = (
    update(AGENT_LOG)
    .where(AGENT_LOG.c.id == bindparam("row"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "status",
                "label",
                "provider",
                "model",
                "prompt",
                "prompt_digest",
                "calls",
                "tokens_in",
                "tokens_out",
                "first_token_ms",
                "duration_ms",
                "error_type",
                "error",
                "preview",
                "input_sha256",
                "output_sha256",
                "calls_sha256",
                "finished_at",
            )
        }
    )
)
_KEEP = {
    "sqlite": sqlite.insert(PAYLOAD).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(PAYLOAD).on_conflict_do_nothing(),
}


def pack(value: Any) -> Packed:
    """A JSON value as content-addressed, compressed bytes; dataclasses become objects."""
    raw = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=_as_json)
    return sha256(raw).hexdigest(), len(raw), raw if len(raw) < SMALL else zlib.compress(raw, 1)


def _as_json(value: Any) -> Any:
    match value:
        case Mapping():
            return dict(cast("Mapping[Any, Any]", value))
        case set() | frozenset():
            return sorted(cast("set[Any]", value), key=str)
        case _:
            return str(value)


def open_step(connection: Connection, row: Mapping[str, Any]) -> None:
    """Write the row of an attempt that starts."""
    connection.execute(_OPEN, dict(row))


def close_step(
    connection: Connection, step_id: str, user_id: str, *, values: Mapping[str, Any], payloads: Sequence[Packed]
) -> None:
    """Complete the row of an attempt and keep what its digests point to."""
    if payloads:
        at = now()
        connection.execute(
            _KEEP[connection.dialect.name],
            [
                {"user_id": user_id, "sha256": digest, "size": size, "body": body, "created_at": at}
                for digest, size, body in payloads
            ],
        )
    connection.execute(_CLOSE, {"row": step_id, **values})


def payload(connection: Connection, user_id: str, digest: str) -> Any:
    """The JSON value behind a digest. Raises NotFound, also for another user's."""
    body = connection.execute(
        select(PAYLOAD.c.body).where(PAYLOAD.c.user_id == user_id, PAYLOAD.c.sha256 == digest)
    ).scalar_one_or_none()
    if body is None:
        raise NotFound(f"There is no payload {digest!r}.")
    is_packed = body[:1] == ZLIB_HEAD  # no JSON text begins so
    return orjson.loads(zlib.decompress(body) if is_packed else body)
