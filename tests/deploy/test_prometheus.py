"""The rules and the dashboard, by promtool, by Grafana's types and by the service's own metrics."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.errors import STATUS_OF
from service.metrics import STAGES
from service.paths import ROUTES
from service.settings import Settings
from tests.live import PATIENCE_S

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RULES_FILE = ROOT / "deploy/prometheus-rules.yaml"
RULES_TEST = HERE / "prometheus-rules-test.yaml"
DASHBOARD_FILE = ROOT / "deploy/grafana-dashboard.json"

RULES = [
    rule
    for group in yaml.safe_load(RULES_FILE.read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
DASHBOARD = json.loads(DASHBOARD_FILE.read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
# The variables of the dashboard get their values from these.
LISTS = [
    re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
    for variable in DASHBOARD["templating"]["list"]
    if variable["type"] == "query"
]
EXPRESSIONS = [rule["expr"] for rule in RULES] + QUERIES + [found.group(1) for found in LISTS]

# Words of PromQL; `up`, `job` and `instance` come from Prometheus itself.
WORDS = {"absent", "avg", "by", "changes", "histogram_quantile", "increase", "offset", "or", "rate"}
WORDS |= {"sum", "unless", "up"}
LABELS_OF_PROMETHEUS = {"job", "instance"}
# What a label may be compared with.
VALUES = {
    "code": set(STATUS_OF),
    "stage": STAGES,
    "path": {route.path for route in ROUTES},
    "job": {"bilm"},
}


@pytest.fixture(scope="module")
def promtool():
    """Run Prometheus' own tool, which must find nothing to object to."""
    program = shutil.which("promtool")
    if not program:
        pytest.skip("there is no promtool; it comes with Debian's prometheus, and CI has it")

    def run(*arguments):
        command = [program, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def exported(service_url):
    """The labels of each sample in /metrics, once there have been an answer and a refusal."""
    for texts, status in (("我吃了一个苹果", 200), (["我"] * 257, 413)):
        answer = httpx.post(f"{service_url}/embed", json={"texts": texts}, timeout=PATIENCE_S)
        assert answer.status_code == status
    page = httpx.get(f"{service_url}/metrics", timeout=PATIENCE_S).text
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def filled(expression):
    """An expression as Grafana sends it, with a value for each variable."""
    return expression.replace("$__rate_interval", "2m").replace("$job", "bilm").replace("$", "")


def names(expression):
    """The names of metrics in an expression."""
    without_strings = re.sub(r'"[^"]*"', "", filled(expression))
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|(?:by|without) \([^)]*\)|offset \w+", "", without_strings)
    return set(re.findall(r"[a-z_][\w:]*", bare)) - WORDS


def test_prometheus_takes_the_rules(promtool):
    promtool("check", "rules", "--lint=all", "--lint-fatal", RULES_FILE)


def test_prometheus_takes_the_scrape_job_of_the_document(promtool, tmp_path):
    page = (ROOT / "docs/deploy.md").read_text("utf-8")
    (job,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", page, re.DOTALL)
    assert yaml.safe_load(job)["scrape_configs"][0]["job_name"] == "bilm"
    shutil.copy(RULES_FILE, tmp_path)
    # Debian builds it without Kubernetes: take the other kind of targets, from the comment.
    found, _, other = re.search(r"(kubernetes_sd_configs: .*)( # or )(.*)", job).groups()
    file = tmp_path / "prometheus.yaml"
    file.write_text(job.replace(found, other), "utf-8")
    promtool("check", "config", "--syntax-only", file)


def test_each_alert_is_quiet_while_all_is_well_and_fires_when_it_is_not(promtool):
    promtool("test", "rules", RULES_TEST)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_tested_both_ways(alert):
    tests = yaml.safe_load(RULES_TEST.read_text("utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    fires = {bool(case["exp_alerts"]) for case in cases if case["alertname"] == alert}
    assert fires == {True, False}


def test_prometheus_takes_every_query_of_the_dashboard(promtool, tmp_path):
    asked = [*QUERIES, *(found.group(1) for found in LISTS)]
    rules = [
        {"record": f"query_{number}", "expr": filled(query)} for number, query in enumerate(asked)
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), "utf-8")
    promtool("check", "rules", file)


def test_every_metric_that_is_named_is_exported_or_recorded(exported):
    named = set().union(*map(names, EXPRESSIONS))
    assert len(named) > 20
    assert named <= exported.keys() | RECORDED


def test_every_label_that_is_chosen_by_exists_and_has_such_values(exported):
    for expression in EXPRESSIONS:
        for name, matchers in re.findall(r"([\w:]+)\{([^}]*)\}", filled(expression)):
            labels = dict(re.findall(r'(\w+)(?:=|!=|=~|!~)"([^"]*)"', matchers))
            known = exported.get(name, labels.keys()) | LABELS_OF_PROMETHEUS
            assert labels.keys() <= known, expression
            for label, values in labels.items():
                if label in VALUES and values not in VALUES:  # else a variable of the dashboard
                    assert set(values.split("|")) <= VALUES[label], expression


def test_a_variable_lists_a_label_that_its_metric_has(exported):
    for found in LISTS:
        (metric,) = names(found.group(1))
        assert found.group(2) in exported[metric] | LABELS_OF_PROMETHEUS


def test_every_code_is_in_one_panel_of_refusals_by_who_must_act():
    """429 asks for more replicas; the rest of 4xx is for callers to mend, 5xx for operators."""
    panels = [re.findall(r'code(=~?|!~)"([^"]*)"', query) for query in QUERIES if "sum by" in query]
    chosen = [
        set(STATUS_OF) - set(codes.split("|")) if way == "!~" else set(codes.split("|"))
        for ((way, codes),) in filter(None, panels)
    ]
    overloaded = {code for code, status in STATUS_OF.items() if status == 429}
    failures = {code for code, status in STATUS_OF.items() if status >= 500}
    assert chosen == [overloaded, set(STATUS_OF) - overloaded - failures, failures]


def test_thresholds_fit_the_manifests_and_the_default_settings():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    assert compose["services"]["bilm"]["mem_limit"] == "2g"
    max_held_bytes = Settings.model_fields["max_held_bytes"].default
    for alert, limit in {"BilmMemoryHigh": 2 * 2**30, "BilmHeldBytesHigh": max_held_bytes}.items():
        threshold = eval(ALERTS[alert]["expr"].partition(">")[2])
        assert 0.75 * limit < threshold < 0.9 * limit


def test_panels_have_ids_of_their_own_and_cover_no_other():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for one, other in combinations([panel["gridPos"] for panel in DASHBOARD["panels"]], 2):
        assert not (
            one["x"] < other["x"] + other["w"]
            and other["x"] < one["x"] + one["w"]
            and one["y"] < other["y"] + other["h"]
            and other["y"] < one["y"] + one["h"]
        )
        assert one["x"] + one["w"] <= 24  # columns of Grafana's grid


@pytest.mark.long
def test_the_dashboard_has_the_shape_that_grafana_defines(tmp_path):
    if not shutil.which("npm"):
        pytest.skip("there is no npm; .ci/run installs it")
    shutil.copytree(HERE / "grafana", tmp_path, dirs_exist_ok=True)
    install = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(install, cwd=tmp_path, check=False, timeout=PATIENCE_S).returncode:
        pytest.skip("npm cannot fetch Grafana's types")
    with (tmp_path / "shape.ts").open("a", encoding="utf-8") as program:
        program.write(DASHBOARD_FILE.read_text("utf-8"))
    compiler = ["npx", "tsc", "--noEmit", "--strict", "--skipLibCheck"]
    compiler += ["--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022"]
    done = subprocess.run(
        [*compiler, "shape.ts"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout
