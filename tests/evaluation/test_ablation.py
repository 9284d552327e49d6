"""Which rows an ablation has, and what they cost."""

import json
from pathlib import Path

import keras
import pytest

from efgan_tf import config as config_lib
from efgan_tf.common.errors import ConfigError
from efgan_tf.config import Config
from efgan_tf.evaluation.ablation import (
    AblationConfig,
    AblationRow,
    arguments,
    compute_table,
    multiply_adds,
    plan,
    row_compute,
)
from efgan_tf.models.layers import ActionUnitConv2D

SHARED = config_lib.replace(
    Config(),
    {
        "run_dir": "runs/a", "phase1_kimg": 4.0, "phase2_kimg": 2.0,
        "seed": 3, "image_size": 64, "base_width": 4, "local_width": 4,
        "global_blocks": 0, "local_blocks": 0, "refiner_blocks": 0,
        "batch_size": 8, "n_critic": 2,
    },
)  # fmt: skip


def test_rows_build_the_method_up_at_equal_budgets():
    rows = {row.name: row for row in plan(SHARED, AblationConfig())}
    assert list(rows) == ["global", "local", "refiner", "k2", "k3"]
    built = {
        name: (
            row.config.model.stages,
            row.config.model.local_branches,
            row.config.model.refiner,
        )
        for name, row in rows.items()
    }
    assert built == {
        "global": (1, False, False), "local": (1, True, False),
        "refiner": (1, True, True), "k2": (2, True, True),
        "k3": (3, True, True),
    }  # fmt: skip
    for name in ("k2", "k3"):
        assert rows[name].parent is rows["refiner"]
        assert rows[name].config.train.init_from == "runs/a/refiner"
        assert rows[name].config.train.phase1_kimg == 0
    for row in rows.values():
        assert row.config.train.phase2_kimg == 2.0
        assert row.config.train.run_dir == f"runs/a/{row.name}"
        own = row.config if row.parent is None else row.parent.config
        assert own.train.phase1_kimg == 4.0


def test_a_second_seed_makes_rows_of_their_own():
    ablation = AblationConfig(rows_second_seed=("refiner", "k2"))
    *_, refiner, k2 = plan(SHARED, ablation)
    assert (refiner.name, k2.name) == ("refiner_seed4", "k2_seed4")
    assert refiner.config.train.seed == k2.config.train.seed == 4
    assert k2.config.train.init_from == "runs/a/refiner_seed4"


def test_variants_change_one_setting_each_in_phase_1():
    ablation = AblationConfig(variants="au_injection=concat; flip=false")
    base, concat, unflipped = plan(SHARED, ablation)
    assert concat.config.model.au_injection == "concat"
    assert not unflipped.config.train.flip and base.config.train.flip
    for row in (base, concat, unflipped):
        assert row.config.train.phase2_kimg == 0
        assert row.config.model.stages == 1


def test_a_variant_of_several_values_has_a_folder_without_commas():
    ablation = AblationConfig(variants="critic_augment=color,cutout")
    *_, row = plan(SHARED, ablation)
    assert row.config.train.critic_augment == ("color", "cutout")
    assert row.run_dir == Path("runs/a/critic_augment_color+cutout")


@pytest.mark.parametrize(
    ("changes", "ablation", "told"),
    [
        ({}, {"rows": ("k2",)}, "k2 starts from refiner"),
        ({}, {"rows": ("huge",)}, "'huge' is none of"),
        ({}, {"rows": ("local", "local")}, "twice"),
        ({"init_from": "x"}, {}, "leave --init_from out"),
        ({"phase1_kimg": 0.0}, {}, "--phase1_kimg above 0"),
        ({"phase2_kimg": 0.0}, {}, "--phase2_kimg above 0"),
        ({}, {"variants": "film"}, "not SETTING=VALUE"),
        ({}, {"variants": "stages=1"}, "changes nothing"),
        ({}, {"variants": "flip=false;flip=false"}, "twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes, ablation, told):
    with pytest.raises(ConfigError, match=told):
        plan(config_lib.replace(SHARED, changes), AblationConfig(**ablation))


def test_a_rows_command_line_says_all_of_it():
    from absl import flags

    row = plan(SHARED, AblationConfig())[3]
    values = flags.FlagValues()
    config_lib.define_flags(values)
    values(["train", *arguments(row.config)])
    assert config_lib.from_flags(values) == row.config


def test_multiply_adds_of_known_layers():
    image = keras.Input((8, 8, 3))
    units = keras.Input((17,))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(image)
    x = keras.layers.Conv2DTranspose(2, 4, strides=2, padding="same")(x)
    dense = keras.layers.Dense(5)(keras.layers.Flatten()(x))
    model = keras.Model([image, units], dense)
    by_hand = (
        4 * 4 * 9 * 3 * 4  # positions, taps, channels in and out
        + 4 * 4 * 16 * 4 * 2  # each input pixel spreads over 16 taps
        + 8 * 8 * 2 * 5
    )
    assert multiply_adds(model) == by_hand


def test_tiled_units_are_counted_as_what_they_cost():
    image, units = keras.Input((8, 8, 3)), keras.Input((17,))
    layer = ActionUnitConv2D(4, 7)
    model = keras.Model([image, units], layer(image, units))
    picture = 8 * 8 * 49 * 3 * 4
    # The units' part is one small map for each unit, wherever it is tiled.
    assert multiply_adds(model) == picture + 49 * 49 * 4 * 17


def test_a_cascades_cost_includes_the_phase_it_shares(tmp_path):
    rows = {
        row.name: row
        for row in plan(
            config_lib.replace(SHARED, {"run_dir": str(tmp_path)}),
            AblationConfig(),
        )
    }
    _write_log(rows["refiner"], {1: [10.0, 20.0], 2: [5.0]})
    _write_log(rows["k2"], {2: [40.0]})
    refiner = row_compute(rows["refiner"])
    k2 = row_compute(rows["k2"])
    # 4,000 and 2,000 images at 8 × 2 for each update of the generator.
    assert refiner.images == k2.images == 6000
    assert refiner.generator_updates == k2.generator_updates == 375
    assert refiner.critic_updates == 750
    assert (refiner.training_seconds, k2.training_seconds) == (35.0, 70.0)
    assert k2.parameters == 2 * refiner.parameters
    assert k2.multiply_adds == 2 * refiner.multiply_adds
    table = compute_table({"refiner": refiner, "k2": k2})
    assert table.count("\n") == 3 and "| k2 | 2 | 6,000 | 375 |" in table


def _write_log(row: AblationRow, seconds):
    row.run_dir.mkdir(parents=True)
    lines = [
        json.dumps({"phase": phase, "seconds": value})
        for phase, values in seconds.items()
        for value in values
    ]
    lines.append(json.dumps({"phase": 2, "held_out/psnr": 30.0}))
    (row.run_dir / "metrics.jsonl").write_text("\n".join(lines) + "\n")
