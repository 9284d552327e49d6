"""Docker Compose, Kubernetes and Prometheus: valid, and at one with each other.

No container runs here. What is checked is what can be wrong without one.
"""

import copy
import re
import shutil
import subprocess

import kubernetes_validate
import promql_parser
import pytest
import yaml

from tests.serving.operators import SERVING, read_config

KUBERNETES = SERVING / "kubernetes"

# Those of ours, as tensorflow_serving/model_servers/main.cc spells them; the
# server ends on any other.
FLAGS = {
    "allow_version_labels_for_unavailable_models", "batching_parameters_file",
    "enable_batching", "enable_grpc_healthcheck_service",
    "file_system_poll_wait_seconds", "grpc_max_threads",
    "load_retry_interval_micros", "max_num_load_retries", "model_config_file",
    "model_config_file_poll_wait_seconds", "monitoring_config_file",
    "rest_api_timeout_in_ms", "ssl_config_file",
    "tensorflow_inter_op_parallelism", "tensorflow_intra_op_parallelism",
}  # fmt: skip

# From `tensorflow_serving`'s servables/tensorflow/util.cc and
# batching/batching_session.cc, as util/prometheus_exporter.cc writes them:
# metric → its labels.
METRICS = {
    ":tensorflow:serving:request_count": {"model_name", "status"},
    ":tensorflow:serving:request_latency_bucket": {
        "model_name", "API", "entrypoint", "le",
    },
    ":tensorflow:serving:batching_session:queuing_latency_sum": {
        "thread_pool_name",
    },
}  # fmt: skip
SCRAPED = {"job", "instance", "namespace", "pod"}  # what Prometheus adds


def _load(name):
    return yaml.safe_load((SERVING / name).read_text("utf-8"))


def _load_all(path):
    return list(yaml.safe_load_all(path.read_text("utf-8")))


@pytest.fixture(scope="module")
def compose():
    return _load("docker-compose.yml")


@pytest.fixture(scope="module")
def manifests():
    """(kind, name) → what `kubectl apply -f serving/kubernetes` creates."""
    return {
        (manifest["kind"], manifest["metadata"]["name"]): manifest
        for path in sorted(KUBERNETES.glob("*.yaml"))
        for manifest in _load_all(path)
    }


def _deployed(manifests):
    """The pod's spec and its one container."""
    spec = manifests["Deployment", "efgan"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    return spec, container


def _flags(arguments):
    return dict(re.fullmatch(r"--(\w+)=(.+)", a).groups() for a in arguments)


def test_flags_are_spelled_as_the_server_knows_them(compose, manifests):
    flags = _flags(compose["services"]["tfserving"]["command"])
    tls = _load("docker-compose.tls.yml")["services"]["tfserving"]
    assert set(flags) | {"ssl_config_file"} == FLAGS
    assert _flags(tls["command"]) == {
        **flags,
        "ssl_config_file": "/tls/ssl.config",
    }
    # Docker and Kubernetes start the server alike.
    _, container = _deployed(manifests)
    assert container["args"] == compose["services"]["tfserving"]["command"]
    assert container["image"] in compose["services"]["tfserving"]["image"]


def test_threads_suffice_for_the_queue(compose):
    flags = _flags(compose["services"]["tfserving"]["command"])
    batching = read_config(SERVING / "config/batching.config",
                           "BatchingParameters")  # fmt: skip
    batches = (
        batching.max_enqueued_batches.value + batching.num_batch_threads.value
    )
    # A request that waits holds a thread, and faces may come one by one.
    assert int(flags["grpc_max_threads"]) >= (
        batching.max_batch_size.value * batches
    )


def test_every_file_that_is_named_is_mounted(compose, manifests):
    service = compose["services"]["tfserving"]
    mounts = {v["target"]: v["source"] for v in service["volumes"]}
    assert all(volume["read_only"] for volume in service["volumes"])
    tls = _load("docker-compose.tls.yml")["services"]["tfserving"]
    assert tls["volumes"][0]["target"] == "/tls"
    for name, path in _flags(service["command"]).items():
        if name.endswith("_file"):
            folder, _, file = path.rpartition("/")
            assert (SERVING / mounts[folder] / file).is_file(), path
    models = read_config(SERVING / "config/models.config", "ModelServerConfig")
    base = models.model_config_list.config[0].base_path
    assert base.rpartition("/")[0] in mounts
    _, container = _deployed(manifests)
    mounted = {m["mountPath"] for m in container["volumeMounts"]}
    assert set(mounts) <= mounted


def test_compose_reads_its_files():
    docker = _compose_command()
    files = ["-f", SERVING / "docker-compose.yml",
             "-f", SERVING / "docker-compose.tls.yml"]  # fmt: skip
    done = subprocess.run(
        [*docker, *files, "config", "--quiet"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def _compose_command():
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "version"], capture_output=True)
            if done.returncode == 0:
                return command
    pytest.skip("Docker Compose is not installed")


def test_the_health_check_is_for_the_model_that_is_served(compose):
    test = compose["services"]["tfserving"]["healthcheck"]["test"]
    assert "/dev/tcp/127.0.0.1/8501" in test[-1]
    assert "GET /v1/models/efgan HTTP/1.0" in test[-1]
    done = subprocess.run(["bash", "-n", "-c", test[-1]], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_manifests_are_what_kubernetes_takes(manifests):
    for manifest in [
        *manifests.values(),
        *_load_all(KUBERNETES / "upload/pod.yaml"),
    ]:
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    assert set(manifests) == {
        ("Deployment", "efgan"), ("HorizontalPodAutoscaler", "efgan"),
        ("PersistentVolumeClaim", "efgan-models"),
        ("PodDisruptionBudget", "efgan"), ("Service", "efgan"),
        ("Service", "efgan-pods"),
    }  # fmt: skip


def test_everything_selects_the_same_pods(manifests):
    deployment = manifests["Deployment", "efgan"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    (monitor,) = _load_all(KUBERNETES / "autoscaling/podmonitor.yaml")
    selectors = [
        deployment["selector"]["matchLabels"],
        manifests["PodDisruptionBudget", "efgan"]["spec"]["selector"][
            "matchLabels"
        ],
        manifests["Service", "efgan"]["spec"]["selector"],
        manifests["Service", "efgan-pods"]["spec"]["selector"],
        monitor["spec"]["selector"]["matchLabels"],
    ]
    assert all(selector == labels for selector in selectors)
    target = manifests["HorizontalPodAutoscaler", "efgan"]["spec"]
    assert target["scaleTargetRef"]["name"] == "efgan"


def test_ports_are_those_of_the_image(compose, manifests):
    # tensorflow_serving/tools/docker/Dockerfile: gRPC 8500, REST 8501.
    _, container = _deployed(manifests)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "http": 8501}
    published = compose["services"]["tfserving"]["ports"]
    assert [p.split(":")[-1] for p in published] == ["8500", "8501"]
    assert all(p.startswith("${EFGAN_BIND:-127.0.0.1}") for p in published)
    for name in ("efgan", "efgan-pods"):
        for port in manifests["Service", name]["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
    (scraped,) = _load("prometheus/prometheus.yml")["scrape_configs"]
    (target,) = scraped["static_configs"][0]["targets"]
    assert target == "tfserving:8501"


def test_probes_ask_for_the_model_and_its_label(manifests):
    _, container = _deployed(manifests)
    models = read_config(SERVING / "config/models.config", "ModelServerConfig")
    model = models.model_config_list.config[0]
    (label,) = model.version_labels
    loaded = f"/v1/models/{model.name}/labels/{label}/metadata"
    probes = {
        name: container[f"{name}Probe"]["httpGet"]
        for name in ("startup", "readiness", "liveness")
    }
    assert all(probe["port"] == "http" for probe in probes.values())
    assert probes["startup"]["path"] == probes["readiness"]["path"] == loaded
    assert probes["liveness"]["path"] == f"/v1/models/{model.name}"


def test_volumes_are_there_and_models_are_read_only(manifests):
    spec, container = _deployed(manifests)
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert set(volumes) == set(mounts)
    assert mounts["models"]["readOnly"] and mounts["config"]["readOnly"]
    claim = volumes["models"]["persistentVolumeClaim"]["claimName"]
    assert ("PersistentVolumeClaim", claim) in manifests
    (upload,) = _load_all(KUBERNETES / "upload/pod.yaml")
    (volume,) = upload["spec"]["volumes"]
    assert volume["persistentVolumeClaim"] == {"claimName": claim}
    assert upload["spec"]["securityContext"] == spec["securityContext"]


def test_the_patch_for_tls_gives_what_compose_has(manifests):
    deployment = copy.deepcopy(manifests["Deployment", "efgan"])
    for operation in _load("kubernetes/patches/tls.yaml"):
        assert operation["op"] == "add"
        *path, last = operation["path"].strip("/").split("/")
        place = deployment
        for key in path:
            place = place[int(key) if key.isdecimal() else key]
        assert last == "-"
        place.append(operation["value"])
    kubernetes_validate.validate(deployment, "1.31", strict=True)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    tls = _load("docker-compose.tls.yml")["services"]["tfserving"]
    assert container["args"] == tls["command"]
    assert container["volumeMounts"][-1]["mountPath"] == "/tls"


def test_the_autoscaler_asks_for_what_the_adapter_gives(manifests):
    queue, _ = manifests["HorizontalPodAutoscaler", "efgan"]["spec"]["metrics"]
    values = _load("kubernetes/autoscaling/prometheus-adapter.yaml")
    (rule,) = values["rules"]["custom"]
    assert queue["pods"]["metric"]["name"] == rule["name"]["as"]
    series = promql_parser.parse(rule["seriesQuery"])
    name = re.search(r'__name__="([^"]+)"', rule["seriesQuery"])[1]
    assert name in METRICS and series is not None
    query = rule["metricsQuery"]
    for template, value in {
        "<<.Series>>": name,
        "<<.LabelMatchers>>": 'namespace="default",pod=~"efgan-1|efgan-2"',
        "<<.GroupBy>>": "pod",
    }.items():
        assert template in query
        query = query.replace(template, value)
    _check_query(query)


def test_alerts_are_queries_on_metrics_that_there_are():
    config = _load("prometheus/prometheus.yml")
    (scraped,) = config["scrape_configs"]
    monitoring = read_config(SERVING / "config/monitoring.config",
                             "MonitoringConfig")  # fmt: skip
    assert scraped["metrics_path"] == monitoring.prometheus_config.path
    (monitor,) = _load_all(KUBERNETES / "autoscaling/podmonitor.yaml")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["path"] == monitoring.prometheus_config.path
    (file,) = config["rule_files"]
    (group,) = _load(f"prometheus/{file}")["groups"]
    known = {"up"}
    for rule in group["rules"]:
        _check_query(rule["expr"], known)
        known |= {rule.get("record")}
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert rule["annotations"]["summary"]
    assert sum("alert" in rule for rule in group["rules"]) == 4


def _check_query(query, known=frozenset()):
    """Parses PromQL; its metrics and labels must be the server's."""
    promql_parser.parse(query)
    bare = re.sub(r'"[^"]*"', '""', query)
    metrics = set(re.findall(r"[a-z_]*:[a-z_:]+", bare)) or {"up"}
    assert metrics <= set(METRICS) | known, metrics
    labels = {
        name.strip()
        for names in re.findall(r"by \(([^)]*)\)", bare)
        for name in names.split(",")
    } | set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)\s*\"\"", bare))
    allowed = set().union(*(METRICS.get(name, set()) for name in metrics))
    assert labels <= allowed | SCRAPED, labels
