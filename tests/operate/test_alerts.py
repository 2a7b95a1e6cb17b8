"""The alerts name what a server tells, and wake an operator for what they should."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from .exposed import OPERATE, Exposed, exposed_by_a_server

ALERTS = OPERATE / "alerts.yaml"


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    assert isinstance(group["rules"], list)
    return group["rules"]


async def test_every_metric_and_label_of_an_alert_is_told() -> None:
    exposed = await exposed_by_a_server()
    wrong = [
        f"{rule['alert']}: {what}" for rule in rules() for what in exposed.wrong_with(rule["expr"])
    ]
    assert not wrong


def test_every_alert_says_how_bad_it_is_and_where_to_look() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert rule["annotations"].keys() == {"summary", "look_at"}, rule["alert"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("rate(trio_media_nothing_total[5m])", "no metric"),
        ('trio_media_turns_total{outcome="void"}', "no label outcome"),
        ('trio_media_turns_total{fate=~"void|gone"}', "never gone"),
        ("sum by (leg) (trio_media_turns_total)", "no label leg"),
    ],
)
def test_what_is_not_told_is_noticed(query: str, says: str) -> None:
    exposed = Exposed.parse(
        "# TYPE trio_media_turns_total counter\n"
        'trio_media_turns_total{fate="void"} 1.0\n'
        + "".join(
            f"# TYPE trio_media_{name}_total counter\n"
            for name in Exposed.family_names() - {"turns"}
        )
    )
    (wrong,) = exposed.wrong_with(query)
    assert says in wrong
    assert not list(exposed.wrong_with('sum by (fate) (trio_media_turns_total{fate="void"})'))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_finds_them_right_and_they_fire_when_they_should() -> None:
    for command in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]):
        done = subprocess.run(
            ["promtool", *command], cwd=OPERATE, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
