"""The server's configuration, Docker Compose and Kubernetes: valid and in
agreement with each other.

No container runs here. What is checked is what can be wrong without one.
"""

import re
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

from efgan_tf.export import ExportConfig
from tests.serving.operators import SERVING, read_config

# Those of ours, as tensorflow_serving/model_servers/main.cc spells them; the
# server ends on any other.
FLAGS = {
    "allow_version_labels_for_unavailable_models", "batching_parameters_file",
    "enable_batching", "enable_grpc_healthcheck_service",
    "file_system_poll_wait_seconds", "grpc_max_threads",
    "load_retry_interval_micros", "max_num_load_retries", "model_config_file",
    "model_config_file_poll_wait_seconds", "rest_api_timeout_in_ms",
    "tensorflow_inter_op_parallelism", "tensorflow_intra_op_parallelism",
}  # fmt: skip


def _load(name):
    return yaml.safe_load((SERVING / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def compose():
    """The service in docker-compose.yml."""
    (service,) = _load("docker-compose.yml")["services"].values()
    return service


@pytest.fixture(scope="module")
def tls():
    """The same of docker-compose.tls.yml."""
    return _load("docker-compose.tls.yml")["services"]["tfserving"]


@pytest.fixture(scope="module")
def model():
    """The model in models.config."""
    path = SERVING / "config/models.config"
    found = read_config(path, "ModelServerConfig").model_config_list.config
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def batching():
    path = SERVING / "config/batching.config"
    return read_config(path, "BatchingParameters")


@pytest.fixture(scope="module")
def manifests():
    """Kind → what `kubectl apply -f serving/kubernetes.yaml` creates."""
    text = (SERVING / "kubernetes.yaml").read_text("utf-8")
    return {found["kind"]: found for found in yaml.safe_load_all(text)}


def _deployed(manifests):
    """The pod's spec and its one container."""
    spec = manifests["Deployment"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    return spec, container


def _flags(arguments):
    return dict(re.fullmatch(r"--(\w+)=(.+)", a).groups() for a in arguments)


def test_flags_are_spelled_as_the_server_knows_them(compose, tls, manifests):
    flags = _flags(compose["command"])
    assert set(flags) == FLAGS
    assert _flags(tls["command"]) == {
        **flags,
        "ssl_config_file": "/tls/ssl.config",
    }
    # Docker and Kubernetes start the server alike.
    _, container = _deployed(manifests)
    assert container["args"] == compose["command"]
    assert container["image"] in compose["image"]


def test_the_model_is_where_an_export_puts_it(model):
    assert model.name == ExportConfig(model="m", out="models").name
    # The server wants the folder of the versions, and absolute.
    assert model.base_path == f"/models/{model.name}"
    assert model.model_platform == "tensorflow"
    # The label names a version that is loaded: what a first export writes.
    assert set(model.model_version_policy.specific.versions) == {1}
    assert dict(model.version_labels) == {"stable": 1}


def test_batches_are_what_the_scheduler_accepts(compose, batching):
    sizes = list(batching.allowed_batch_sizes)
    assert sizes[-1] == batching.max_batch_size.value
    # A size of its own for each, or what is warm would never be asked for.
    warmup = ExportConfig(model="m", out="models").warmup_batches
    assert set(warmup) <= set(sizes)
    # A request that waits holds a thread, and faces may come one by one.
    batches = (
        batching.max_enqueued_batches.value + batching.num_batch_threads.value
    )
    assert int(_flags(compose["command"])["grpc_max_threads"]) >= (
        batching.max_batch_size.value * batches
    )


def test_every_file_that_is_named_is_mounted(compose, tls, manifests, model):
    mounts = {v["target"]: v["source"] for v in compose["volumes"]}
    assert all(volume["read_only"] for volume in compose["volumes"])
    assert tls["volumes"][0]["target"] == "/tls"
    for name, path in _flags(compose["command"]).items():
        if name.endswith("_file"):
            folder, _, file = path.rpartition("/")
            assert (SERVING / mounts[folder] / file).is_file(), path
    assert model.base_path.rpartition("/")[0] in mounts
    spec, container = _deployed(manifests)
    mounted = {m["mountPath"]: m for m in container["volumeMounts"]}
    assert set(mounts) <= set(mounted)
    assert all(mounted[path]["readOnly"] for path in mounts)
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert set(volumes) == {m["name"] for m in container["volumeMounts"]}
    claim = volumes["models"]["persistentVolumeClaim"]["claimName"]
    assert claim == manifests["PersistentVolumeClaim"]["metadata"]["name"]


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
    test = compose["healthcheck"]["test"]
    assert "/dev/tcp/127.0.0.1/8501" in test[-1]
    assert "GET /v1/models/efgan HTTP/1.0" in test[-1]
    done = subprocess.run(["bash", "-n", "-c", test[-1]], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_kubernetes_knows_every_field(manifests):
    assert set(manifests) == {"PersistentVolumeClaim", "Deployment", "Service"}
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    deployment = manifests["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert manifests["Service"]["spec"]["selector"] == labels


def test_ports_are_those_of_the_image(compose, manifests):
    # tensorflow_serving/tools/docker/Dockerfile: gRPC 8500, REST 8501.
    _, container = _deployed(manifests)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "http": 8501}
    published = compose["ports"]
    assert [p.split(":")[-1] for p in published] == ["8500", "8501"]
    assert all(p.startswith("${EFGAN_BIND:-127.0.0.1}:") for p in published)
    for port in manifests["Service"]["spec"]["ports"]:
        assert ports[port["targetPort"]] == port["port"]


def test_probes_ask_for_the_model_and_its_label(manifests, model):
    _, container = _deployed(manifests)
    (label,) = model.version_labels
    loaded = f"/v1/models/{model.name}/labels/{label}/metadata"
    probes = {
        name: container[f"{name}Probe"]["httpGet"]
        for name in ("startup", "readiness", "liveness")
    }
    assert all(probe["port"] == "http" for probe in probes.values())
    assert probes["startup"]["path"] == probes["readiness"]["path"] == loaded
    assert probes["liveness"]["path"] == f"/v1/models/{model.name}"
