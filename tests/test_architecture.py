"""The rooms stay rooms: imports go one way, files stay readable, errors are swallowed nowhere else."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from importlinter import configuration
from importlinter.application.use_cases import SUCCESS, lint_imports

ROOT = Path(__file__).parent.parent
ROOMS = ("songwright", "prompts", "storage", "agents", "graphs", "api", "migrations")
LONGEST = 400  # lines of a file that is one clear room
# The boundaries: a run and the worker's loop, the two writers, and the door of MCP.
BROAD = {"graphs/executor.py", "storage/sqlite.py", "storage/postgres.py", "api/mcp_server.py"}
VAGUE = re.compile(r"(utils?|helpers?|managers?|misc|common)(\.py)?$")


def sources() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if "versions" not in path.parts]


def test_the_five_contracts_hold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    configuration.configure()
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert len(declared["contracts"]) == 5
    assert lint_imports() == SUCCESS, capsys.readouterr().out


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_clear_room(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert not VAGUE.search(path.name)
    assert "TYPE_CHECKING" not in text
    assert "from __future__ import annotations" not in text
    tree = ast.parse(text)
    if text.strip():
        assert ast.get_docstring(tree), "a file says what it is for"


def test_errors_are_swallowed_at_the_four_boundaries_alone() -> None:
    broad = {
        str(path.relative_to(ROOT))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_again(node)
    }
    assert broad <= BROAD


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) and node.exc is None for node in handler.body)


def test_the_environment_is_read_by_the_settings_alone() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in sources()
        if re.search(r"os\.environ\b(?!\[\"HF_HUB_OFFLINE\"\] = )|os\.getenv", path.read_text(encoding="utf-8"))
    }
    assert readers == set()


def test_no_test_mocks() -> None:
    mocked = [
        str(path)
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path.name != "test_architecture.py"
        and re.search(r"unittest\.mock|MagicMock|mocker\.", path.read_text("utf-8"))
    ]
    assert mocked == []
