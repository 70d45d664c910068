"""Schemathesis reads the OpenAPI document and finds no answer that it does not promise."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, seed, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from api.app import create_app
from songwright.settings import AppSettings
from tests.api.conftest import WAIT_S, served_settings, serving

CHECKS: list[Any] = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
ANY_PACE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.fixture(scope="module")
def hasty_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A server of its own, which hardly waits for what it starts."""
    hasty = served_settings(
        tmp_path_factory.mktemp("described"),
        app=AppSettings(wait_s=0.1, drain_s=0.5, heartbeat_s=0.2),  # pyright: ignore[reportCallIssue]
    )
    with serving(hasty) as url:
        yield url


schema: Any = schemathesis.openapi.from_dict(create_app(served_settings(Path())).openapi())


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # Schemathesis does, in its strategies
@schema.parametrize()
@seed(20260801)
@settings(max_examples=15, deadline=None, database=None, suppress_health_check=ANY_PACE)
def test_no_answer_is_undocumented(case: Any, hasty_url: str) -> None:
    case.call_and_validate(base_url=hasty_url, checks=CHECKS, timeout=WAIT_S)
