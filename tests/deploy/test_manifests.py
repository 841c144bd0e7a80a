"""Compare the manifests with Kubernetes' own schemas, the image and the settings."""

import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from service.paths import ROUTES
from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
KUBERNETES = ("1.28", "1.34")
MANIFESTS = list(yaml.safe_load_all((ROOT / "deploy/kubernetes.yaml").read_text("utf-8")))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
SETTING_NAMES = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(scope="module")
def pod():
    return next(one for one in MANIFESTS if one["kind"] == "Deployment")["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def container(pod):
    (container,) = pod["containers"]
    return container


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_each_manifest_fits_the_schema_of_its_kind(manifest, version):
    kubernetes_validate.validate(manifest, version, strict=True)


def test_probes_ask_paths_that_exist(container):
    paths = {route.path for route in ROUTES}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in paths


def test_port_and_user_are_those_of_the_image(pod, container):
    (port,) = re.findall(r"EXPOSE (\d+)", DOCKERFILE)
    (user,) = re.findall(r"USER (\d+):\d+", DOCKERFILE)
    assert container["ports"][0]["containerPort"] == int(port)
    assert pod["securityContext"]["runAsUser"] == int(user)
    assert COMPOSE["services"]["bilm"]["ports"][0].endswith(f":{port}")


def test_the_container_can_do_nothing_it_need_not(pod, container):
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    for service in COMPOSE["services"].values():
        assert service["cap_drop"] == ["ALL"]
    assert COMPOSE["services"]["bilm"]["read_only"]


def test_orchestrators_wait_longer_than_the_service_drains(pod):
    drain_s = Settings.model_fields["drain_s"].default
    assert pod["terminationGracePeriodSeconds"] > drain_s
    assert float(COMPOSE["services"]["bilm"]["stop_grace_period"].rstrip("s")) > drain_s


def test_kubernetes_sets_no_names_that_would_be_taken_for_settings(pod):
    """For a Service named bilm it would set BILM_PORT=tcp://…, and no pod would start."""
    assert pod["enableServiceLinks"] is False


def test_the_autoscaler_alone_says_how_many_pods_there_are():
    (deployment,) = [one for one in MANIFESTS if one["kind"] == "Deployment"]
    assert "replicas" not in deployment["spec"]


def test_the_autoscaler_reads_the_cpu_and_what_the_adapter_makes_of_a_recorded_rate(container):
    (scaler,) = [one for one in MANIFESTS if one["kind"] == "HorizontalPodAutoscaler"]
    by_type = {metric["type"]: metric for metric in scaler["spec"]["metrics"]}
    assert by_type["Resource"]["resource"]["name"] == "cpu"
    assert "cpu" in container["resources"]["requests"]  # what the utilization is a share of
    ((rule,),) = [block["rules"] for block in yaml_blocks("docs/deploy.md") if "rules" in block]
    assert by_type["Pods"]["pods"]["metric"]["name"] == rule["name"]["as"]
    rules = yaml.safe_load((ROOT / "deploy/prometheus-rules.yaml").read_text("utf-8"))
    recorded = [rule.get("record") for group in rules["groups"] for rule in group["rules"]]
    assert rule["seriesQuery"].partition("{")[0] in recorded


def yaml_blocks(page):
    """The blocks of YAML in a document."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    return [yaml.safe_load(block) for block in blocks]


@pytest.mark.parametrize("name", ["compose.yaml", "deploy/kubernetes.yaml", "docs/deploy.md"])
def test_every_setting_that_is_named_exists(name):
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", (ROOT / name).read_text("utf-8")))
    assert named <= SETTING_NAMES


def test_no_command_of_a_document_opens_a_container_without_keys_to_the_network():
    pages = [page for pattern in ("*.md", "docs/*.md") for page in ROOT.glob(pattern)]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    published = re.findall(r"docker run [^`\n]*-p (\S+)", text)
    assert len(published) == 3
    assert all(address.startswith("127.0.0.1:") for address in published)
