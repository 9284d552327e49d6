"""The examples for Slurm and Kubernetes are valid."""

import json
import os
import subprocess

import kubernetes_validate
import pytest
import yaml

from efgan_tf.training.cluster import from_environment
from tools.release.documents import ROOT

SLURM = ROOT / "configs" / "cluster" / "train.slurm"
KUBERNETES = ROOT / "configs" / "cluster" / "train.yaml"


@pytest.fixture
def fakes(tmp_path):
    """A folder of programs for PATH, and a function that makes one."""

    def make(name, script):
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    return tmp_path, make


def _run(command, folder, **environment):
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, capture_output=True, text=True,
        env={**os.environ, "PATH": path, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "tries"),
    [
        ([0], 1),
        ([2], 1),
        ([143], 1),
        ([75, 0], 2),
        ([137, 75, 2], 3),
        ([75] * 5, 5),
    ],
)
def test_slurms_job_starts_again_what_can_go_on(fakes, statuses, tries):
    subprocess.run(["bash", "-n", SLURM], check=True)
    folder, make = fakes
    make("sleep", ":")
    make(
        "srun",
        f'echo "$@" >> {folder}/calls\nset -- {" ".join(map(str, statuses))}\n'
        f"shift $(($(wc -l < {folder}/calls) - 1))\nexit $1",
    )
    done = _run(["bash", SLURM, "--flagfile=a b.flags"], folder)
    assert done.returncode == statuses[-1], done.stderr
    calls = (folder / "calls").read_text().splitlines()
    assert len(calls) == tries
    assert calls[0].endswith("--worker_wait_minutes=10 --flagfile=a b.flags")


@pytest.fixture(scope="module")
def manifests():
    return {
        manifest["kind"]: manifest
        for manifest in yaml.safe_load_all(KUBERNETES.read_text())
    }


def test_manifests_are_valid(manifests):
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    job, service = manifests["Job"]["spec"], manifests["Service"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {
        "batch.kubernetes.io/job-name": manifests["Job"]["metadata"]["name"]
    }
    (variable,) = container["env"]
    assert int(variable["value"]) == job["completions"] == job["parallelism"]
    for rule in job["podFailurePolicy"]["rules"]:
        named = rule.get("onExitCodes", {}).get("containerName", "train")
        assert named == container["name"]


def test_kubernetes_starts_again_what_can_go_on(manifests):
    rules = manifests["Job"]["spec"]["podFailurePolicy"]["rules"]
    found = [
        (rule["action"], codes["operator"], set(codes["values"]))
        for rule in rules
        if (codes := rule.get("onExitCodes"))
    ]
    assert found == [("FailJob", "In", {2}), ("Ignore", "In", {75, 143})]


def test_the_pods_know_each_other(manifests, fakes):
    folder, make = fakes
    make("python", f'echo "$TF_CONFIG" > {folder}/config; echo "$@"')
    (container,) = manifests["Job"]["spec"]["template"]["spec"]["containers"]
    done = _run(
        [*container["command"], *container["args"]], folder,
        WORKERS="3", JOB_COMPLETION_INDEX="2",
    )  # fmt: skip
    assert "--strategy=multi_worker" in done.stdout, done.stderr
    text = (folder / "config").read_text()
    found = from_environment({"TF_CONFIG": text})
    port = manifests["Service"]["spec"]["ports"][0]["port"]
    assert found.index == 2 and found.addresses == tuple(
        f"efgan-train-{worker}.efgan-train:{port}" for worker in range(3)
    )
    assert json.loads(text)["task"]["type"] == "worker"
