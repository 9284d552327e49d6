"""`--mix`: data sets with shares and settings of their own, in every form."""

from fractions import Fraction

import pytest
from absl import flags

from efgan_tf import config
from efgan_tf.common import options
from efgan_tf.common.errors import ConfigError

RENDERED = "--mix=3/4 --dataset=synthetic --subjects=7"
PHOTOS = "--mix=photos=0.25 --dataset=folder --aus='a b.csv' --held_out=0.2"


def parsed(*arguments):
    values = flags.FlagValues()
    config.define_flags(values)
    values(["program", *arguments])
    return config.from_flags(values)


def mixed(*arguments):
    return parsed("--dataset=mixed", *arguments)


def test_each_set_has_its_own_settings_and_the_others_are_shared():
    data = mixed(RENDERED, PHOTOS, "--source_dir=P", "--data_dir=D").data
    rendered, photos = data.parts
    assert (rendered.name, rendered.share) == ("synthetic", Fraction(3, 4))
    assert (photos.name, photos.share) == ("photos", Fraction(1, 4))
    assert rendered.data == config.DataConfig(
        dataset="synthetic", subjects=7, source_dir="P", data_dir="D"
    )
    assert photos.data == config.DataConfig(
        dataset="folder", aus="a b.csv", held_out=0.2, source_dir="P",
        data_dir="D",
    )  # fmt: skip


def test_one_set_alone_is_all_of_a_run():
    (part,) = config.DataConfig().parts
    assert (part.name, part.share) == ("synthetic", 1)
    assert part.data == config.DataConfig()


def test_json_and_flag_lines_bring_it_back(tmp_path):
    found = mixed(RENDERED, PHOTOS)
    assert options.from_json(options.to_json(found), config.Config) == found
    path = tmp_path / "flags.txt"
    path.write_text("\n".join(options.flag_lines(found)))
    assert config.from_flag_file(path) == found == parsed(f"--flagfile={path}")


def test_what_a_flag_file_said_stays_when_it_changes(tmp_path):
    path = tmp_path / "set.flags"
    path.write_text("--dataset=synthetic\n--subjects=5\n--rafd_angles=090,045")
    found = mixed(f"--mix=1 --flagfile={path} --subjects=6")
    path.unlink()
    (part,) = options.from_json(
        options.to_json(found), config.Config
    ).data.parts
    assert part.data.subjects == 6
    assert part.data.rafd_angles == ("090", "045")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([RENDERED, RENDERED], "add up to 1: 3/4 . 3/4 do not"),
        (["--mix=1/2 --dataset=synthetic"] * 2, "the name synthetic"),
        (["--mix=1 --subjects=3"], "needs a --dataset"),
        (["--mix=--dataset=synthetic"], "must begin with SHARE"),
        (["--mix=1/0 --dataset=synthetic"], "share '1/0'"),
        (["--mix=1 --dataset=mixed"], "go together"),
        (["--mix=1 --dataset=synthetic --lambda_gp=1"], "lambda_gp"),
        (["--mix=1 --dataset=synthetic --subjects=0"], "subjects=0 must be"),
        (["--mix=1 --dataset=synthetic --data_dir=D"], "--data_dir is the"),
        (["--mix=1 --dataset=synthetic --data_memory=2"], "--data_memory is"),
        (["--mix=1 --dataset=synthetic more"], "'more' is no flag"),
        (["--mix=1 --flagfile=absent.flags"], "absent.flags"),
        (["--mix=1 'open"], "No closing quotation"),
        ([], "go together"),
        ([RENDERED, PHOTOS, "--batch_size=6"], "4.5 images of --batch_size=6"),
    ],
)
def test_mistakes_are_one_line(arguments, named):
    with pytest.raises(ConfigError, match=named) as caught:
        mixed(*arguments)
    assert "\n" not in str(caught.value)


def test_a_mix_needs_its_data_set():
    with pytest.raises(ConfigError, match="--dataset=mixed and --mix"):
        parsed(RENDERED, PHOTOS)
