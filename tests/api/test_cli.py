"""The command line as a person runs it: real processes, real homes."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from storage.home import held
from tests.conftest import settings_at

WAIT_S = 90.0
PROMPT = "Leaving the village where everyone knows my name"


def environment(home: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SONGWRIGHT_", "OLLAMA_"))}
    return kept | {"SONGWRIGHT_HOME": str(home), "COLUMNS": "100", "NO_COLOR": "1"} | settings


def songwright(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, away from the project's folder, with nobody at the terminal."""
    return subprocess.run(
        [sys.executable, "-m", "songwright", *arguments],
        env=environment(home, **settings),
        cwd=home.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that the tests of this file share; what needs another makes one."""
    return tmp_path_factory.mktemp("cli") / "home"


@pytest.fixture(scope="module")
def server(home: Path) -> Generator[str]:
    """A running server that holds the shared home; gives its URL."""
    command = [sys.executable, "-m", "songwright", "serve", "--port", "0"]
    with subprocess.Popen(
        command,
        env=environment(home, SONGWRIGHT_AGENTS__WARM_EMBEDDER="false", SONGWRIGHT_LOGGING__LEVEL="error"),
        cwd=home.parent,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = threading.Timer(WAIT_S, process.kill)
        watchdog.start()
        assert process.stdout is not None
        told = process.stdout.readline()
        watchdog.cancel()
        assert told.startswith("Songwright is at http://127.0.0.1:"), told
        yield told.split()[-1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=WAIT_S) == 0
    assert not (home / "server.json").exists()


def get_json(url: str) -> Any:
    with urlopen(url, timeout=30) as answer:
        return json.load(answer)


def test_help_names_every_command_and_loads_nothing_heavy(home: Path) -> None:
    done = songwright(home, "--help")
    assert done.returncode == 0
    for command in ("serve", "write", "recommend", "runs", "migrate", "doctor"):
        assert f"\n  {command} " in done.stdout
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "songwright", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in told.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & {"langgraph", "langchain_core", "chromadb", "torch", "fastapi", "sqlalchemy", "numpy"}


@pytest.mark.parametrize("command", ["serve", "write", "recommend", "runs", "migrate", "doctor"])
def test_every_command_has_help(home: Path, command: str) -> None:
    assert songwright(home, command, "--help").returncode == 0


def test_bad_input_is_told_in_one_sentence(home: Path) -> None:
    for arguments, told in (
        (("write", "x", "--syllables", "99"), "syllables"),
        (("write", "x", "--rhyme", "A B"), "rhyme"),
        (("write", "x", "--structure", "verse, nonsense"), "'nonsense'"),
        (("write", "x", "--model", "nobody"), "'nobody'"),
        (("recommend", "x", "--arc", "sideways"), "arc"),
    ):
        done = songwright(home.parent / "other", *arguments)
        assert done.returncode == 2, arguments
        assert told in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""


def test_a_setting_that_cannot_be_is_named(home: Path) -> None:
    done = songwright(home, "runs", SONGWRIGHT_APP__PORT="many")
    assert done.returncode == 2
    assert "SONGWRIGHT_APP__PORT is 'many'" in done.stderr
    assert "Traceback" not in done.stderr


def test_another_projects_room_is_noticed_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("raise SystemExit('the wrong agents')\n", encoding="utf-8")
    done = songwright(tmp_path / "home", "--help")
    assert done.returncode == 2
    assert "The name 'agents' leads to" in done.stderr
    assert "the wrong agents" not in done.stderr


def test_a_song_is_written_listed_and_equal_for_equal_seeds(tmp_path: Path) -> None:
    done = songwright(tmp_path / "home", "write", PROMPT, "--genre", "folk", "--rhyme", "AABB", "--seed", "7")
    assert done.returncode == 0, done.stderr
    assert "Verse 1" in done.stdout
    assert any(line.startswith("A  ") for line in done.stdout.splitlines()), "lines carry their rhyme letters"
    as_json = songwright(
        tmp_path / "home", "write", PROMPT, "--genre", "folk", "--rhyme", "AABB", "--seed", "7", "--json"
    )
    result = json.loads(as_json.stdout)
    assert result["status"] == "succeeded"
    assert done.stdout.startswith(result["lyrics"]["title"])
    assert result["lyrics"]["sections"][0]["lines"][0]["text"] in done.stdout
    listed = songwright(tmp_path / "home", "runs")
    assert listed.stdout.count("succeeded") == 2
    assert result["run_id"] in listed.stdout


def test_a_home_without_runs_says_so_and_is_not_made(tmp_path: Path) -> None:
    done = songwright(tmp_path / "home", "runs")
    assert done.returncode == 0
    assert "no runs" in done.stdout
    assert not (tmp_path / "home").exists()


def test_a_plan_nobody_can_accept_says_where_it_waits(tmp_path: Path) -> None:
    done = songwright(tmp_path / "home", "write", PROMPT, "--review-plan")
    assert done.returncode == 1
    assert "#song-run=" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_schema_goes_up_and_down(tmp_path: Path) -> None:
    up = songwright(tmp_path / "home", "migrate")
    assert up.returncode == 0
    assert "0001" in up.stdout
    unknown = songwright(tmp_path / "home", "migrate", "--down", "9999")
    assert unknown.returncode == 2
    assert "'9999'" in unknown.stderr
    assert songwright(tmp_path / "home", "migrate", "--down", "base").returncode == 0


def test_a_home_held_by_another_process_is_told_and_left_alone(tmp_path: Path) -> None:
    with held(settings_at(tmp_path / "home")):
        for arguments in (("write", PROMPT), ("migrate",)):
            done = songwright(tmp_path / "home", *arguments)
            assert done.returncode == 1
            assert "Another Songwright process holds the home folder" in done.stderr
            assert "Traceback" not in done.stderr


def test_doctor_looks_at_every_part(tmp_path: Path) -> None:
    done = songwright(tmp_path / "home", "doctor", SONGWRIGHT_OLLAMA_HOST="127.0.0.1:1")
    assert done.returncode == 0, done.stdout
    parts = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()}
    assert parts == {
        **dict.fromkeys(("python", "home", "database", "chroma", "embedder", "redis"), "ok"),
        "ollama": "away",
    }
    assert "ollama serve" in done.stdout


def test_doctor_fails_where_a_needed_part_is_away(tmp_path: Path) -> None:
    done = songwright(
        tmp_path / "home",
        "doctor",
        SONGWRIGHT_DATABASE__URL="postgresql://user:secret@127.0.0.1:1/none",
        SONGWRIGHT_REDIS__URL="redis://127.0.0.1:1/0",
        SONGWRIGHT_CHROMA__URL="http://127.0.0.1:1",
    )
    assert done.returncode == 1
    away = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("away")}
    assert {"database", "redis", "chroma"} <= away
    assert "secret" not in done.stdout + done.stderr


def test_commands_go_through_the_server_that_holds_the_home(server: str, home: Path) -> None:
    note = json.loads((home / "server.json").read_text(encoding="utf-8"))
    assert note["url"] == server
    written = songwright(home, "write", PROMPT, "--seed", "7", "--json")
    assert written.returncode == 0, written.stderr
    run_id = json.loads(written.stdout)["run_id"]
    assert get_json(f"{server}/runs/{run_id}")["origin"] == "api", "the server executed it"
    found = songwright(home, "recommend", "calm me down", "--count", "3", "--json")
    assert found.returncode == 0, found.stderr
    playlist = json.loads(found.stdout)["playlist"]
    assert len(playlist["tracks"]) == 3
    assert all(track["reason"] for track in playlist["tracks"])
    shown = songwright(home, "recommend", "calm me down", "--count", "3")
    assert "Why" in shown.stdout
    listed = songwright(home, "runs", "--limit", "3")
    assert run_id in listed.stdout
    refused = songwright(home, "write", "x" * 9000)
    assert refused.returncode == 2
    assert "8000" in refused.stderr
    assert "a server runs at" in songwright(home, "doctor").stdout
    blocked = songwright(home, "migrate")
    assert blocked.returncode == 1
    assert "holds the home folder" in blocked.stderr


def test_the_server_refuses_an_address_beyond_this_machine(tmp_path: Path) -> None:
    done = songwright(tmp_path / "home", "serve", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 1
    assert "loopback" in done.stderr
    assert "Traceback" not in done.stderr
