"""The files that deploy the product: compose.yaml, Dockerfile, .dockerignore, .env.example.

`python -m tests.test_deploy` writes .env.example anew from the settings.
"""

import hashlib
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from songwright.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "tests" / "schemas" / "compose_spec.json"
HEAD = (
    "# Every setting of Songwright with its default. All may stay unset. Copy this file to .env and take the # off\n"
    "# the lines you change. compose.yaml also reads POSTGRES_PASSWORD from .env; it has no default.\n"
)


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool() | tuple():
            return json.dumps(value)
        case _:
            return str(value)


def _setting(name: str, field: FieldInfo) -> str:
    told = textwrap.fill(field.description or "", 116, initial_indent="# ", subsequent_indent="# ")
    return f"{told}\n#{name}={_shown(field.default)}\n"


def env_example() -> str:
    """The text .env.example must have: every setting with its description and default, by group."""
    fields = Settings.model_fields
    single = {name: field for name, field in fields.items() if not isinstance(field.default, BaseModel)}
    blocks = [HEAD, "".join(_setting(f"SONGWRIGHT_{name.upper()}", field) for name, field in single.items())]
    for name, field in fields.items():
        group: object = field.default
        if isinstance(group, BaseModel):
            inner = type(group).model_fields
            settings = (_setting(f"SONGWRIGHT_{name.upper()}__{key.upper()}", field) for key, field in inner.items())
            blocks.append(f"## {name}: {(type(group).__doc__ or '').strip()}\n{''.join(settings)}")
    return "\n".join(blocks)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_every_setting_stands_in_env_example_with_its_description_and_default_and_nothing_else_does() -> None:
    kept = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert kept == env_example(), "run `python -m tests.test_deploy` to write .env.example anew"


def test_env_example_read_as_settings_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OLLAMA_HOST", "SONGWRIGHT_OLLAMA_HOST", "SONGWRIGHT_HOME"):
        monkeypatch.delenv(name, raising=False)
    env = tmp_path / "env"
    env.write_text(re.sub(r"^#(?=SONGWRIGHT_)", "", env_example(), flags=re.MULTILINE), encoding="utf-8")
    assert Settings(_env_file=env) == Settings(_env_file=None)  # pyright: ignore[reportCallIssue]


def test_compose_file_is_valid_by_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(compose)


def test_only_the_api_is_published_and_on_loopback_alone(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert list(published) == ["api"]
    assert all(port.startswith("127.0.0.1:") for port in published["api"])


def test_parts_stand_on_a_network_without_a_way_out(compose: dict[str, Any]) -> None:
    assert compose["networks"]["inner"]["internal"] is True
    for name in ("postgres", "redis", "chroma", "migrate", "model"):
        assert compose["services"][name]["networks"] == ["inner"], name


def test_every_lasting_service_has_a_health_check_and_restarts(compose: dict[str, Any]) -> None:
    once = {"migrate", "model"}
    for name, service in compose["services"].items():
        if name in once:
            assert service["restart"] in ("no", "on-failure:3"), name
        else:
            assert "healthcheck" in service, name
            assert service["restart"] == "unless-stopped", name


def test_api_waits_for_the_schema_and_the_schema_for_the_database(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["api"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert services["migrate"]["command"] == ["songwright", "migrate"]


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    used = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)([^}]*)\}", text)
    assert used
    for name, rest in used:
        assert rest.startswith(":?"), f"{name} must be asked for, not defaulted"
    environments = [dict(service.get("environment") or {}) for service in compose["services"].values()]
    assert all("${" in env["POSTGRES_PASSWORD"] for env in environments if "POSTGRES_PASSWORD" in env)


def test_compose_sets_only_settings_that_exist(compose: dict[str, Any]) -> None:
    known = set(re.findall(r"^#(SONGWRIGHT_\w+)=", env_example(), flags=re.MULTILINE))
    used = {name for name in compose["services"]["api"]["environment"] if name.startswith("SONGWRIGHT_")}
    assert used
    assert used <= known


def test_volumes_are_named_and_declared(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in compose["volumes"], name


def test_image_runs_without_root_and_tells_its_health(dockerfile: list[str]) -> None:
    last_stage = dockerfile[max(i for i, line in enumerate(dockerfile) if line.startswith("FROM ")) :]
    assert any(line.startswith("HEALTHCHECK ") for line in last_stage)
    users = [line for line in last_stage if line.startswith("USER ")]
    assert users
    assert users[-1] not in ("USER root", "USER 0")
    commands = [line for line in last_stage if line.startswith(("CMD ", "ENTRYPOINT "))]
    assert commands == ['CMD ["songwright", "serve"]']


def test_image_has_stages_of_a_pinned_slim_base_and_the_cpu_build_of_torch(dockerfile: list[str]) -> None:
    bases = [line.split()[1] for line in dockerfile if line.startswith("FROM ")]
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.11-slim-\w+", base) for base in bases)
    assert any("torch==" in line and "constraints.txt" in line for line in dockerfile)
    installs = [line for line in dockerfile if "pip install" in line]
    assert all("constraints.txt" in line for line in installs), "every install is held to the tested versions"
    assert not any(line.startswith("ADD ") for line in dockerfile)


def test_build_gets_what_the_dockerfile_copies_and_nothing_else(dockerfile: list[str]) -> None:
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for line in dockerfile
        if line.startswith("COPY ") and "--from=" not in line
        for source in line.split()[1:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("folder", ["api/dashboard/static/vendor", "tests/browser/vendor", "tests/schemas"])
def test_what_others_made_is_as_it_was_taken_and_has_its_licence_beside_it(folder: str) -> None:
    held = ROOT / folder
    lock: list[dict[str, Any]] = json.loads((held / "lock.json").read_text(encoding="utf-8"))
    told = {"lock.json"}
    for package in lock:
        assert (held / package["licence_file"]).stat().st_size > 500
        told |= {package["licence_file"], *package["files"]}
        for name, digest in package["files"].items():
            assert hashlib.sha256((held / name).read_bytes()).hexdigest() == digest, name
    assert {path.name for path in held.iterdir() if "3RD-PARTY" not in path.name} == told


if __name__ == "__main__":
    (ROOT / ".env.example").write_text(env_example(), encoding="utf-8")
