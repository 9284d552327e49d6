"""Configuration: one source for flags, JSON and defaults."""

import json

import pytest

from efgan_tf import config
from efgan_tf.common import flag_files, options
from efgan_tf.common.errors import ConfigError, UserError


def _parse(*arguments):
    values = flag_files.FlagValues()
    config.define_flags(values)
    values(["program", *arguments])
    return config.from_flags(values)


def test_flags_without_arguments_give_the_defaults():
    assert _parse() == config.Config()


def test_json_round_trip():
    changed = _parse(
        "--lambda_gp=7", "--stages=2", "--box_eyes=4,6,12,20", "--noflip",
        "--au_injection=film", "--run_dir=elsewhere",
        "--critic_augment=color,cutout", "--penalty=r1",
    )  # fmt: skip
    assert changed.loss.lambda_gp == 7.0 and not changed.train.flip
    assert options.from_json(options.to_json(changed), config.Config) == changed


def test_flag_lines_can_be_fed_back(tmp_path):
    changed = _parse("--lambda_gp=7", "--box_nose=9,10,12,12", "--noflip")
    path = tmp_path / "flags.txt"
    path.write_text("\n".join(options.flag_lines(changed)))
    assert _parse(f"--flagfile={path}") == changed
    assert config.from_flag_file(path) == changed


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("--no_such=1", "no_such"),
        ("--stages=0", "stages"),
        ("--flagfile=absent.flags", "absent.flags"),
    ],
)
def test_a_flag_file_is_checked_like_flags(tmp_path, line, named):
    path = tmp_path / "some.flags"
    path.write_text(line)
    with pytest.raises(UserError, match=named):
        config.from_flag_file(path)


def test_flag_files_nest_and_later_flags_win(tmp_path):
    inner, outer = tmp_path / "inner.flags", tmp_path / "outer.flags"
    inner.write_text("# the architecture\n--stages=2\n--base_width=8\n")
    outer.write_text(f"--flagfile={inner}\n\n--base_width=16\n")
    parsed = _parse(f"--flagfile={outer}", "--lambda_gp=3")
    assert (parsed.model.stages, parsed.model.base_width) == (2, 16)
    assert parsed.loss.lambda_gp == 3
    assert _parse("--stages=5", f"--flagfile={outer}").model.stages == 2


def test_nested_flag_files_are_found_from_any_folder(tmp_path, monkeypatch):
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "outer.flags").write_text("--flagfile=inner.flags\n--stages=4\n")
    (folder / "inner.flags").write_text("--base_width=8\n--stages=2\n")
    monkeypatch.chdir(elsewhere)
    for arguments in (
        [f"--flagfile={folder}/outer.flags"],
        ["--flagfile", "../folder/outer.flags"],
    ):
        model = _parse(*arguments).model
        assert (model.base_width, model.stages) == (8, 4)
    # What lies beside wins; what does not is looked for here, as absl does.
    (elsewhere / "inner.flags").write_text("--base_width=12\n")
    assert _parse(f"--flagfile={folder}/outer.flags").model.base_width == 8
    (folder / "inner.flags").unlink()
    assert _parse(f"--flagfile={folder}/outer.flags").model.base_width == 12


def test_the_packages_flag_files_have_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = flag_files.packaged() / "rafd.flags"
    parsed = _parse("--flagfile=efgan:rafd.flags", "--stages=2")
    assert parsed.data.dataset == "rafd" and parsed.model.stages == 2
    whole = config.from_flag_file(path)
    assert parsed == config.replace(whole, {"stages": 2})
    for name in ("absent.flags", "../setup.py", ""):
        with pytest.raises(UserError, match="it has .*rafd.flags"):
            _parse(f"--flagfile=efgan:{name}")


def test_a_flag_file_cannot_nest_itself(tmp_path):
    one, other = tmp_path / "one.flags", tmp_path / "other.flags"
    one.write_text("--flagfile=other.flags\n")
    other.write_text("--flagfile=one.flags\n")
    with pytest.raises(UserError, match="one.flags"):
        _parse(f"--flagfile={one}")
    with pytest.raises(UserError, match="needs the name"):
        _parse("--flagfile")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--image_size=100"], "image_size=100"),
        (["--box_eyes=0,20,12,20"], "box_eyes"),
        (["--box_eyes=1,2,3"], "four numbers"),
        (["--box_eyes=5,6,11,20", "--image_size=64"], "multiples of 4"),
        (["--nolocal_branches"], "norefiner"),
        (["--lambda_gp=-1"], "lambda_gp=-1"),
        (["--lambda_paired=1"], "pairing=paired"),
        (["--lambda_edges=1"], "pairing=paired"),
        (["--ema=1"], "ema"),
        (["--phase1_kimg=0", "--phase2_kimg=0"], "nothing to train"),
        (["--held_out=1"], "held_out"),
        (["--phase1_kimg=inf"], "phase1_kimg=inf"),
        (["--seed=500000000"], "seed=500000000"),
        (["--box_nose=9,10,1,1"], "at least 8"),
        (["--photo_size=4096"], "photo_size=4096"),
        (["--replicas=2", "--strategy=one_device"], "strategy=mirrored"),
        (["--learning_rate=0"], "learning_rate"),
        (["--max_yaw=60"], "max_yaw"),
        (["--critic_augment=color,blur"], "'blur'"),
    ],
)
def test_cross_field_checks_name_the_flag(arguments, named):
    with pytest.raises(ConfigError, match=named) as caught:
        _parse(*arguments)
    assert "\n" not in str(caught.value)


def test_json_refuses_what_it_does_not_know():
    text = json.loads(options.to_json(config.Config()))
    text["model"]["hue"] = 1
    with pytest.raises(ConfigError, match="hue"):
        options.from_json(json.dumps(text), config.Config)
    text["model"].pop("hue")
    text["model"]["stages"] = "three"
    with pytest.raises(ConfigError, match="stages"):
        options.from_json(json.dumps(text), config.Config)
    with pytest.raises(ConfigError, match="not JSON"):
        options.from_json("{", config.Config)


def test_differences_and_replace():
    old = config.Config()
    new = config.replace(old, {"stages": 2, "lambda_gp": 5.0})
    assert options.differences(old, new) == [
        "stages: 3 → 2", "lambda_gp: 10.0 → 5.0",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="stags"):
        config.replace(old, {"stags": 2})
