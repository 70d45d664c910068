"""How state becomes bytes: LangGraph's msgpack, strict, with our own words allowed and tuples kept as tuples.

LangGraph's serializer gives tuples back as lists, at any depth, so that a resumed run would see another state than
the one it left. Here a tuple is written as what LangGraph's format calls a constructor with one argument, which
its own serializer still reads (as a list where it is strict). Refuses to know where the bytes are kept.
"""

import dataclasses
import importlib
import inspect
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, StrEnum
from functools import cache
from types import ModuleType
from typing import Any

import ormsgpack
import structlog
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_TYPES  # pyright: ignore[reportPrivateUsage]
from langgraph.checkpoint.serde.event_hooks import SerdeEvent, emit_serde_event, register_serde_event_listener
from langgraph.checkpoint.serde.jsonplus import (
    EXT_CONSTRUCTOR_KW_ARGS,
    EXT_CONSTRUCTOR_POS_ARGS,
    EXT_CONSTRUCTOR_SINGLE_ARG,
    EXT_DELTA_SNAPSHOT,
    JsonPlusSerializer,
)
from langgraph.checkpoint.serde.types import _DeltaSnapshot  # pyright: ignore[reportPrivateUsage]
from langgraph.types import Send
from typing_extensions import override

import songwright.song

TypeName = tuple[str, ...]  # module, name
Builder = Callable[..., Any]

_TUPLE = ("builtins", "tuple")
_OPTIONS = (
    ormsgpack.OPT_NON_STR_KEYS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_UUID
    | ormsgpack.OPT_REPLACE_SURROGATES
)

log = structlog.get_logger()


def strict_serde(extra: Iterable[type] = ()) -> JsonPlusSerializer:
    """A serializer that revives LangGraph's safe types, those of `songwright.song`, and `extra`; nothing else."""
    _log_refusals()
    return TupleSerializer(allowed_msgpack_modules=[*words_of(songwright.song), *extra])


def words_of(module: ModuleType) -> tuple[type, ...]:
    """The dataclasses and StrEnums a module defines, by name."""
    return tuple(
        word
        for _, word in inspect.getmembers(module, inspect.isclass)
        if word.__module__ == module.__name__ and (dataclasses.is_dataclass(word) or issubclass(word, StrEnum))
    )


class TupleSerializer(JsonPlusSerializer):
    """LangGraph's serializer, with tuples equal after the way there and back wherever they stand.

    What is not told apart here (dates, paths, Pydantic models, arrays) is left to LangGraph's own code.
    """

    def __init__(self, *, allowed_msgpack_modules: Iterable[TypeName | type]) -> None:
        super().__init__(allowed_msgpack_modules=allowed_msgpack_modules)
        self._builders: dict[TypeName, Builder] = {}

    @override
    def with_msgpack_allowlist(self, extra_allowlist: Iterable[TypeName | type]) -> JsonPlusSerializer:
        clone = super().with_msgpack_allowlist(extra_allowlist)
        if clone is not self and isinstance(clone, TupleSerializer):
            clone._builders = {}
        return clone

    @override
    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        if obj is None or isinstance(obj, bytes | bytearray):
            return super().dumps_typed(obj)
        return "msgpack", self._pack(obj)

    @override
    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        kind, body = data
        return self._unpack(body) if kind == "msgpack" else super().loads_typed(data)

    def _pack(self, thing: Any) -> bytes:
        return ormsgpack.packb(thing, default=self._describe, option=_OPTIONS)

    def _unpack(self, body: bytes) -> Any:
        return ormsgpack.unpackb(body, ext_hook=self._revive, option=ormsgpack.OPT_NON_STR_KEYS)

    def _describe(self, thing: Any) -> Any:
        kind: type[Any] = thing.__class__
        name = (kind.__module__, kind.__name__)
        described: Any
        if kind is tuple:
            described = self._constructor(EXT_CONSTRUCTOR_SINGLE_ARG, _TUPLE, list(thing))
        elif (fields := _fields(kind)) is not None:
            described = self._constructor(EXT_CONSTRUCTOR_KW_ARGS, name, {f: getattr(thing, f) for f in fields})
        elif isinstance(thing, Enum):
            described = self._constructor(EXT_CONSTRUCTOR_SINGLE_ARG, name, thing.value)
        elif isinstance(thing, _DeltaSnapshot):
            described = ormsgpack.Ext(EXT_DELTA_SNAPSHOT, self._pack(thing.value))
        elif isinstance(thing, set | frozenset | deque):
            described = self._constructor(EXT_CONSTRUCTOR_SINGLE_ARG, name, [*thing])
        elif isinstance(thing, Send):
            timeout = () if thing.timeout is None else (thing.timeout,)
            described = self._constructor(EXT_CONSTRUCTOR_POS_ARGS, name, [thing.node, thing.arg, *timeout])
        else:
            described = ormsgpack.unpackb(super().dumps_typed(thing)[1], ext_hook=ormsgpack.Ext)
        return described

    def _constructor(self, code: int, name: TypeName, argument: Any) -> ormsgpack.Ext:
        return ormsgpack.Ext(code, self._pack([*name, argument]))

    def _revive(self, code: int, payload: bytes) -> Any:
        if code == EXT_DELTA_SNAPSHOT:
            return _DeltaSnapshot(self._unpack(payload))
        if code not in _CALLS:
            return self._revive_as_langgraph(code, payload)
        module, name, argument = self._unpack(payload)
        builder = self._builder(module, name)
        if builder is None:
            emit_serde_event({"kind": "msgpack_blocked", "module": module, "name": name})
            return argument
        try:
            return _CALLS[code](builder, argument)
        except (TypeError, ValueError) as error:  # as LangGraph has it, its bare fields rather than nothing
            log.warning("checkpoint_type_changed", type=f"{module}.{name}", error=str(error))
            return argument

    def _revive_as_langgraph(self, code: int, payload: bytes) -> Any:
        return super().loads_typed(("msgpack", ormsgpack.packb(ormsgpack.Ext(code, payload))))

    def _builder(self, module: str, name: str) -> Builder | None:
        key = (module, name)
        if key not in self._builders and self._is_allowed(key):
            self._builders[key] = getattr(importlib.import_module(module), name)
        return self._builders.get(key)

    def _is_allowed(self, key: TypeName) -> bool:
        allowed = self._allowed_msgpack_modules
        return key == _TUPLE or key in SAFE_MSGPACK_TYPES or (isinstance(allowed, set) and key in allowed)


def _call_with_one(builder: Builder, argument: Any) -> Any:
    return builder(argument)


def _call_with_many(builder: Builder, arguments: Any) -> Any:
    if builder is Send and len(arguments) == 3:
        return Send(arguments[0], arguments[1], timeout=arguments[2])
    return builder(*arguments)


def _call_with_names(builder: Builder, arguments: Any) -> Any:
    return builder(**arguments)


_CALLS: Mapping[int, Callable[[Builder, Any], Any]] = {
    EXT_CONSTRUCTOR_SINGLE_ARG: _call_with_one,
    EXT_CONSTRUCTOR_POS_ARGS: _call_with_many,
    EXT_CONSTRUCTOR_KW_ARGS: _call_with_names,
}


@cache
def _fields(kind: type) -> tuple[str, ...] | None:
    if not dataclasses.is_dataclass(kind) or hasattr(kind, "model_dump"):
        return None
    return tuple(field.name for field in dataclasses.fields(kind))


@cache
def _log_refusals() -> None:
    register_serde_event_listener(_log_refusal)


def _log_refusal(event: SerdeEvent) -> None:
    log.warning("checkpoint_type_refused", kind=event["kind"], type=f"{event['module']}.{event['name']}")
