"""Compare the manifests with Kubernetes' own schemas, the image and the settings."""

import re
import tomllib
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
MANY = yaml.safe_load((ROOT / "deploy/compose-replicas.yaml").read_text("utf-8"))["services"]
REPLICAS = [service for name, service in MANY.items() if name != "balancer"]
HAPROXY = (ROOT / "deploy/haproxy.cfg").read_text("utf-8")
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


def test_the_image_is_that_of_this_version(container):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert container["image"] == f"bilm:{project['version']}"


def test_port_and_user_are_those_of_the_image(pod, container):
    (port,) = re.findall(r"EXPOSE (\d+)", DOCKERFILE)
    (user,) = re.findall(r"USER (\d+):\d+", DOCKERFILE)
    assert container["ports"][0]["containerPort"] == int(port)
    assert pod["securityContext"]["runAsUser"] == int(user)
    assert COMPOSE["services"]["bilm"]["ports"][0].endswith(f":{port}")


def test_the_container_can_do_nothing_it_need_not(pod, container):
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    for service in [*COMPOSE["services"].values(), *MANY.values()]:
        assert service["cap_drop"] == ["ALL"]
    for service in [COMPOSE["services"]["bilm"], *MANY.values()]:
        assert service["read_only"]


def test_orchestrators_wait_longer_than_the_service_drains(pod):
    drain_s = Settings.model_fields["drain_s"].default
    assert pod["terminationGracePeriodSeconds"] > drain_s
    for service in [COMPOSE["services"]["bilm"], *REPLICAS]:
        assert seconds(service["stop_grace_period"]) > drain_s
    (hard_stop,) = re.findall(r"^ +hard-stop-after (\w+)$", HAPROXY, re.MULTILINE)
    assert seconds(MANY["balancer"]["stop_grace_period"]) > seconds(hard_stop)


def seconds(duration):
    """The number of a duration such as 30s."""
    return float(duration.removesuffix("s"))


def test_each_replica_has_two_cores_of_its_own_and_as_much_memory_as_a_single_one():
    assert len(REPLICAS) == 2
    cores = [core for replica in REPLICAS for core in replica["cpuset"].split(",")]
    assert sorted(cores) == ["0", "1", "2", "3"]
    for replica in REPLICAS:
        assert replica["mem_limit"] == COMPOSE["services"]["bilm"]["mem_limit"]
        assert "ports" not in replica  # the balancer alone can be reached


def test_the_balancer_finds_the_replicas_and_is_found():
    ((name, port),) = re.findall(r"^ +server-template .* (\w+):(\d+) ", HAPROXY, re.MULTILINE)
    assert [replica["networks"]["default"]["aliases"] for replica in REPLICAS] == [[name]] * 2
    assert re.findall(r"EXPOSE (\d+)", DOCKERFILE) == [port]
    ((bound, file),) = re.findall(r"^ +bind :(\d+) ssl crt (\S+) ", HAPROXY, re.MULTILINE)
    assert MANY["balancer"]["ports"] == [f"443:{bound}"]
    assert MANY["balancer"]["volumes"][0].endswith(f":{file}:ro")
    image = (ROOT / "deploy/haproxy.Dockerfile").read_text("utf-8")
    assert re.findall(r"EXPOSE (\d+)", image) == [bound]
    (user,) = re.findall(r"USER (\d+):", image)
    assert f"chown {user} bilm.pem" in (ROOT / "docs/deploy.md").read_text("utf-8")


def test_the_balancer_may_open_two_files_for_each_of_its_connections():
    (connections,) = re.findall(r"^ {4}maxconn (\d+)$", HAPROXY, re.MULTILINE)
    assert MANY["balancer"]["ulimits"]["nofile"] > 2 * int(connections)


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


@pytest.mark.parametrize(
    "file",
    [ROOT / "compose.yaml", ROOT / "docs/deploy.md", *(ROOT / "deploy").iterdir()],
    ids=lambda file: file.name,
)
def test_every_setting_that_is_named_exists(file):
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", file.read_text("utf-8")))
    assert named <= SETTING_NAMES


def test_no_command_of_a_document_opens_a_container_without_keys_to_the_network():
    pages = [page for pattern in ("*.md", "docs/*.md") for page in ROOT.glob(pattern)]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    published = re.findall(r"docker run [^`\n]*-p (\S+)", text)
    assert len(published) == 3
    assert all(address.startswith("127.0.0.1:") for address in published)
