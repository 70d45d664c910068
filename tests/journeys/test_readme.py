"""What the README tells people to type works as it stands there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.journeys.process import served

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def curl_commands() -> list[str]:
    joined = README.replace("\\\n", " ")
    return [" ".join(line.split()) for line in joined.splitlines() if line.startswith("    curl ")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_every_curl_line_answers(tmp_path: Path) -> None:
    commands = curl_commands()
    assert len(commands) == 4
    with served(tmp_path, SONGWRIGHT_MODELS__MODEL="embedded") as server:
        run_id = ""
        for command in commands:
            here = command.replace("localhost:8000", server.url.removeprefix("http://")).replace("RUN_ID", run_id)
            done = subprocess.run(
                ["bash", "-c", f"{here} -sS"], capture_output=True, text=True, timeout=60, check=True
            )
            if "-N" in command:
                numbers = [int(n) for n in re.findall(r"^id: (\d+)$", done.stdout, re.MULTILINE)]
                first = 13 if "Last-Event-ID" in command else 1
                assert numbers == list(range(first, first + len(numbers)))
                assert "event: run_finished" in done.stdout
                run_id = run_id or re.findall(r'"run_id":"([^"]+)"', done.stdout)[0]
            else:
                answer = json.loads(done.stdout)
                assert answer["status"] == "succeeded"
                assert answer.get("lyrics", {}).get("text") or len(answer["playlist"]["tracks"]) == 20


def test_the_two_commands_are_targets_and_every_file_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        if not link.startswith("http"):
            assert (ROOT / link).exists(), link
    assert len(README.splitlines()) < 200
