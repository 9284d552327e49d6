"""Training under JAX is training under TensorFlow, and its weights are ours.

Keras has one backend in a process, so the JAX side runs in processes of its
own (`tests.tools.jax_side`).
"""

import importlib.util
import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from efgan_tf import commands
from efgan_tf.common import options
from efgan_tf.config import Config
from efgan_tf.data.pictures import decode
from efgan_tf.data.pipeline import evaluation_pairs
from efgan_tf.trained.keras_file import read_keras
from efgan_tf.trained.loading import editing_model
from efgan_tf.training.scoring import held_out_metrics, run_cascade
from tests.data.fakes import make_faces
from tests.training.conftest import (
    GLOBAL_ONLY,
    SCHEDULE,
    make_step,
    random_batches,
    tiny_config,
)
from tools.jax import import_weights, pack, packed, weights

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None,
    reason="JAX is not installed (pip install jax)",
)
ROOT = Path(__file__).parents[2]


def run_jax(*arguments):
    """Runs `tests.tools.jax_side`; returns its standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.tools.jax_side", *map(str, arguments)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def on_jax(task, folder, config, given):
    """The arrays that a task finds from those that it is given."""
    (folder / "config.json").write_text(options.to_json(config))
    np.savez(folder / f"{task}_given.npz", **given)
    run_jax(task, folder)
    with np.load(folder / f"{task}_found.npz") as found:
        return dict(found)


def state_of(networks):
    """All variables' values, named as `tools.jax.networks.State` has them."""
    critics = [critic for _, critic in sorted(networks.critics.items())]
    owners = {
        "generator": [networks.generator],
        "average": [networks.average],
        "critics": critics,
        "estimator": [networks.estimator],
        "generator_optimizer": [networks.generator_optimizer],
        "critic_optimizer": [networks.critic_optimizer],
        "estimator_optimizer": [networks.estimator_optimizer],
    }
    return {
        f"state/{name}/{index:04}": variable.numpy()
        for name, group in owners.items()
        for index, variable in enumerate(
            variable for owner in group for variable in owner.variables
        )
    }


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """(before, TensorFlow's result, JAX's): one step from the same start."""
    config = tiny_config(
        au_input="difference",
        color_head="change",
        global_blocks=0,
        local_blocks=0,
        refiner_blocks=0,
    )
    _, networks, step = make_step(config)
    # Apart from the generator, so that its motion shows.
    networks.average.set_weights(
        [0.9 * value for value in networks.generator.get_weights()]
    )
    batches = random_batches(config)
    draws = (config.train.n_critic, config.train.batch_size, 2)
    alpha = np.random.default_rng(1).random(draws, np.float32)
    step._draw = lambda draw: tf.gather(alpha, draw)
    rates = {**SCHEDULE, "generator_learning_rate": 4e-4}
    schedule = {k: np.float32(v) for k, v in rates.items()}
    before = state_of(networks)
    given = {
        **before,
        **{f"batches/{name}": value for name, value in batches.items()},
        **{f"schedule/{name}": value for name, value in schedule.items()},
        "alpha": alpha,
        "usable": np.ones(17, np.float32),
    }
    tf.config.run_functions_eagerly(True)  # tracing takes half a minute
    try:
        metrics = step(batches, 0, rates)
    finally:
        tf.config.run_functions_eagerly(False)
    ours = {f"metrics/{name}": v.numpy() for name, v in metrics.items()}
    ours |= state_of(networks)
    folder = tmp_path_factory.mktemp("steps")
    return before, ours, on_jax("take_step", folder, config, given)


def test_a_steps_losses_are_tensorflows(steps):
    _, ours, theirs = steps
    assert ours.keys() == theirs.keys()
    for name in ours:
        if name.startswith("metrics/"):
            # Measured: 2e-5 of the Wasserstein term, a difference of means,
            # and 6e-7 of the others.
            np.testing.assert_allclose(
                theirs[name], ours[name], rtol=1e-4, err_msg=name
            )


@pytest.mark.parametrize(
    "group,bound",
    [
        # Adam's first update is the gradient's sign, whatever its size: where
        # a gradient is nothing but rounding, weights go their own ways.
        ("generator", 5e-3),
        ("average", 5e-4),
        ("critics", 2e-3),
        ("estimator", 1e-4),
        # The moments are sums of the gradients and of their squares.
        ("generator_optimizer", 1e-4),
        ("critic_optimizer", 3e-5),
        ("estimator_optimizer", 1e-6),
    ],
)
def test_a_step_moves_all_variables_as_tensorflows(steps, group, bound):
    """Bounds are ten times the largest share of the way seen to differ."""
    before, ours, theirs = steps
    names = [name for name in ours if name.startswith(f"state/{group}/")]
    way = [(ours[name] - before[name]).ravel() for name in names]
    error = [(theirs[name] - ours[name]).ravel() for name in names]
    way, error = map(np.linalg.norm, map(np.concatenate, (way, error)))
    assert error < bound * way


def drawn_rows(faces, pairing):
    """(samples, rows) of 12 batches of 8, drawn as a JAX run draws them."""
    import jax

    from tools.jax import batches

    config = tiny_config(pairing=pairing, lambda_paired=0.0)
    on_device, size = batches.on_device(faces), 8
    source = batches.samples(len(faces), range(12 * size), seed=3)
    parts = [
        batches.draw(on_device, part, jax.random.key(number), config.train)
        for number, part in enumerate(source.reshape(-1, size))
    ]
    return source, {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }


@pytest.mark.parametrize("pairing", ["random", "paired"])
def test_batches_follow_the_pipelines_rules(pairing):
    faces = make_faces(subjects=2, views=2, per_view=3)
    faces.views[-1] = "alone"
    faces.mask[4] = 0
    source, rows = drawn_rows(faces, pairing)
    for epoch in source.reshape(-1, len(faces)):
        assert sorted(epoch) == list(range(len(faces)))

    images = decode(faces.encoded, faces.size) / 127.5 - 1
    mirrored = np.abs(rows["image"] - images[source]).max((1, 2, 3)) > 0.1
    assert 0.3 < mirrored.mean() < 0.7
    images = np.stack([images, images[:, :, ::-1]])
    turned = images[mirrored.astype(int), source]
    np.testing.assert_allclose(rows["image"], turned, atol=1e-6)

    units = faces.action_units / 5
    np.testing.assert_allclose(rows["action_units"], units[source])
    np.testing.assert_array_equal(
        rows["target_action_units"][:, 4], rows["action_units"][:, 4]
    )
    others = np.delete(np.arange(17), 4)
    error = np.abs(rows["target_action_units"][:, None] - units)[..., others]
    target, error = error.max(-1).argmin(1), error.max(-1).min(1)
    assert (target != source).all()
    assert len(set(target)) >= len(faces) - 1
    paired = (source != len(faces) - 1) & (pairing == "paired")
    np.testing.assert_array_equal(rows["has_target"], paired)
    # Noise of 0.1 at most, clipped, where it is not another's true picture.
    assert error[paired].max(initial=0) < 1e-6
    assert 0.05 < error[~paired].max() < 0.1
    shown = np.where(paired, target, source)
    turned = images[mirrored.astype(int), shown]
    np.testing.assert_allclose(rows["target_image"], turned, atol=1e-6)
    for texts in (faces.subjects, faces.views):
        np.testing.assert_array_equal(texts[shown], texts[source])


TINY_RUN = {
    **GLOBAL_ONLY,
    "pairing": "paired",
    "batch_size": 4,
    "n_critic": 1,
    "lambda_cyc": 0.0,
    "lambda_zero": 0.0,
    "phase1_kimg": 0.02,
    "phase2_kimg": 0.012,
    "sample_kimg": 0.016,
    "learning_rate": 1e-3,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(folder, config, held-out faces): packed, and trained in both phases."""
    folder = tmp_path_factory.mktemp("run")
    config = tiny_config(**TINY_RUN)
    held_out = make_faces(subjects=2, size=64, seed=1)
    splits = {"train": make_faces(size=64), "test": held_out}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            pack, "load_faces", lambda data, size, split: splits[split]
        )
        argv = ["pack", "--image_size=64", f"--out={folder / 'data.npz'}"]
        assert commands.run(pack.main, Config, pack.PackConfig, argv=argv) == 0
    flagfile = folder / "run.flags"
    flagfile.write_text("\n".join(options.flag_lines(config)))
    run_jax(
        "train",
        f"--flagfile={flagfile}",
        f"--data={folder / 'data.npz'}",
        f"--out={folder / 'out'}",
        "--chunk=3",
    )
    return folder, config, held_out


def test_pack_keeps_what_is_measured(run):
    folder, _, held_out = run
    found = packed.read(folder / "data.npz")
    expected = evaluation_pairs(held_out, 256, seed=0)
    images = packed.decode(found.held_out.encoded, 64) / 127.5 - 1
    units = found.held_out.action_units / 5
    for column, (image, aus) in enumerate(
        [
            ("image", "action_units"),
            ("target_image", "target_action_units"),
        ]
    ):
        chosen = found.pairs[:, column]
        np.testing.assert_allclose(images[chosen], expected[image], atol=1e-6)
        np.testing.assert_allclose(units[chosen], expected[aus])
    first = packed.decode(found.train.encoded[:1], 64)[0].astype(int)
    original = decode(make_faces(size=64).encoded[:1], 64)[0]
    # Noise is the worst that JPEG can be given.
    assert 0 < np.abs(first - original).mean() < 8


def test_a_run_hands_back_few_files_and_whole_phases(run):
    folder, config, _ = run
    files = sorted(path.name for path in (folder / "out").iterdir())
    assert files == [
        "config.json",
        "data.json",
        "metrics.jsonl",
        "phase1_00000020.png",
        "phase2_00000032.png",
        "weights_0.npz",
    ]
    text = (folder / "out" / "config.json").read_text()
    assert options.from_json(text, Config) == config
    lines = (folder / "out" / "metrics.jsonl").read_text().splitlines()
    lines = [json.loads(line) for line in lines]
    steps = [
        (line["phase"], line["step"])
        for line in lines
        if "generator/total" in line
    ]
    # Chunks of three steps, and what is left of a phase.
    assert steps == [(1, 3), (1, 5), (2, 3)]
    assert lines[-1]["images"] == 32 and "held_out/psnr" in lines[-1]


def test_an_imported_model_edits_as_the_trained_one(run):
    folder, config, held_out = run
    path = folder / "model.keras"
    argv = ["import", f"--source={folder / 'out'}", f"--out={path}"]
    assert (
        commands.run(
            import_weights.main, import_weights.ImportConfig, argv=argv
        )
        == 0
    )
    trained = read_keras(path)
    assert {w.dtype for w in trained.keras_model.weights} == {"float32"}

    # The run's last score is of the weights that it wrote.
    pairs = evaluation_pairs(held_out, 256, seed=0)
    edited = run_cascade(trained.cascade, pairs)["image"]
    facts = json.loads((folder / "out" / "data.json").read_text())
    for name, value in held_out_metrics(pairs, edited).items():
        assert facts[name] == pytest.approx(value, abs=1e-3), name

    pairs = {name: value[:2] for name, value in pairs.items()}
    given = {
        f"weights/{name}/{index:04}": array
        for name, arrays in weights.read(folder / "out").items()
        for index, array in enumerate(arrays)
    }
    given["inputs/image"] = pairs["image"]
    given["inputs/source_action_units"] = pairs["action_units"]
    given["inputs/target_action_units"] = pairs["target_action_units"]
    theirs = on_jax("edit", folder, config, given)
    model = editing_model(str(path), trained)
    units = [pairs[f"{name}action_units"] * 5 for name in ("", "target_")]
    ours = model.edit(pairs["image"], *units)
    # Measured: 3e-6 and 3e-7.
    np.testing.assert_allclose(ours.images, theirs["stages"], atol=3e-5)
    np.testing.assert_allclose(
        model.estimate(pairs["image"]) / 5, theirs["action_units"], atol=3e-6
    )


def test_where_time_is_short_the_rate_falls_in_time(monkeypatch):
    from tools.jax import phase

    now = [0.0]
    clock_time = types.SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(phase, "time", clock_time)
    config = tiny_config(phase1_kimg=0.8, decay=0.5, learning_rate=1.0)
    steps = types.SimpleNamespace(number=1, total=100)
    free, short = phase.Clock(0), phase.Clock(60)
    for seconds, step, unhurried, hurried in [
        (0, 0, 1.0, 1.0),
        (30, 10, 1.0, 1.0),
        (45, 20, 1.0, 0.5),
        (48, 90, 0.2, 0.2),
    ]:
        now[0] = seconds
        told = [
            clock.schedule(config, steps, step, 0) for clock in (free, short)
        ]
        assert told[0]["learning_rate"] == pytest.approx(unhurried)
        assert told[1]["learning_rate"] == pytest.approx(hurried)
        assert told[0]["ema"] == told[1]["ema"]
    assert not free.is_over()
    # 12 seconds are left; a chunk that took 10 may be followed by another.
    short = phase.Clock(22)
    now[0] = 58
    assert short.lap() == 10 and not short.is_over()
    now[0] = 61
    assert short.is_over()
