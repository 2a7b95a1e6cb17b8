"""The manifests: valid by Kubernetes' own schemas, right by what the server does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trio_media.config_load import load_config
from trio_media.server.metrics import Metrics
from trio_media.server.serving import check_exposure

from .files import CALL_S_MAX, END_S_MAX, OPERATE, SECRETS, SILENCE_S_MAX, configured

kubernetes_validate = pytest.importorskip("kubernetes_validate")
yaml = pytest.importorskip("yaml")

FILES = sorted((OPERATE / "kubernetes").glob("*.yaml"))
OLDEST = "1.30"  # the first that has a preStop of sleep without being asked
OBSERVES_S = 5  # a proxy has heard by then that a pod is going


def read(path: Path) -> dict[str, Any]:
    (document,) = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def manifest(name: str) -> dict[str, Any]:
    return read(OPERATE / "kubernetes" / f"{name}.yaml")


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = manifest("deployment")["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    (only,) = pod()["containers"]
    assert isinstance(only, dict)
    return only


def settings() -> dict[str, str]:
    return {one["name"]: one["value"] for one in container()["env"]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("version", [OLDEST, None], ids=lambda version: version or "newest")
def test_a_manifest_is_valid(path: Path, version: str | None) -> None:
    version = version or kubernetes_validate.latest_version()
    kubernetes_validate.validate(read(path), version, strict=True)


def test_a_pod_has_time_for_its_calls_to_end() -> None:
    config = configured(settings())
    pause_s = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause_s >= OBSERVES_S
    assert config.server.drain_s >= CALL_S_MAX
    assert pod()["terminationGracePeriodSeconds"] > pause_s + config.server.drain_s + END_S_MAX


def test_the_probes_ask_what_they_mean() -> None:
    paths = {
        name: container()[name]["httpGet"]["path"]
        for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert paths == {
        "startupProbe": "/healthz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",  # a pod that drains is not to be killed for it
    }


def test_a_pod_can_do_no_more_than_it_must() -> None:
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod()["automountServiceAccountToken"] is False
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (mount,) = container()["volumeMounts"]
    assert mount["mountPath"] == "/tmp"  # several workers keep there what they share


def test_the_settings_are_the_servers() -> None:
    config = configured({**settings(), **SECRETS, "TRIO_MEDIA_SERVER_HOST": "0.0.0.0"})
    check_exposure(config, insecure=False)
    assert config.server.public_url.startswith("https://")
    assert config.server.busy == "reject"


def test_everything_finds_the_pods() -> None:
    labels = manifest("deployment")["spec"]["template"]["metadata"]["labels"]
    assert manifest("deployment")["spec"]["selector"]["matchLabels"] == labels
    assert manifest("service")["spec"]["selector"] == labels
    assert manifest("disruption")["spec"]["selector"]["matchLabels"] == labels
    (port,) = container()["ports"]
    assert port["containerPort"] == load_config(None, {}, {}).server.port
    (service_port,) = manifest("service")["spec"]["ports"]
    assert service_port["targetPort"] == port["name"]
    target = manifest("autoscaling")["spec"]["scaleTargetRef"]
    assert target["name"] == manifest("deployment")["metadata"]["name"]
    assert "replicas" not in manifest("deployment")["spec"], "the autoscaler has them"


def test_pods_are_counted_by_their_calls_and_have_room_when_there_are_more() -> None:
    (metric,) = manifest("autoscaling")["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    assert f"\n{name} 3.0\n" in Metrics(active_calls=lambda: 3).exposition().decode()
    calls = float(metric["pods"]["target"]["averageValue"])
    assert calls <= configured(settings()).server.max_calls / 2


def test_the_way_in_is_the_carriers_and_waits_longer_than_any_silence() -> None:
    ingress = manifest("ingress")
    annotations = ingress["metadata"]["annotations"]
    for which in ("read", "send"):
        seconds = annotations[f"nginx.ingress.kubernetes.io/proxy-{which}-timeout"]
        assert float(seconds) > 2 * SILENCE_S_MAX
    (rule,) = ingress["spec"]["rules"]
    assert [path["path"] for path in rule["http"]["paths"]] == ["/twilio/"]
    assert settings()["TRIO_MEDIA_SERVER_PUBLIC_URL"] == f"https://{rule['host']}"
