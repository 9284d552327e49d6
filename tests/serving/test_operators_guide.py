"""`serving/README.md` agrees with the files that it describes."""

import re

from efgan_tf import client, commands, export
from tests.serving.operators import SERVING, read_config

ROOT = SERVING.parent
GUIDE = (SERVING / "README.md").read_text("utf-8")
WRITTEN = "serving/tls"  # by a command of the guide


def _lines():
    """The commands, continued lines joined."""
    joined = re.sub(r"\\\n\s+", "", GUIDE)
    return [line.strip() for line in re.findall(r"^ {4,}\S.*$", joined, re.M)]


def test_every_file_that_it_names_is_there():
    named = set(re.findall(r"(?<![\w/])serving/[\w./-]*\w", GUIDE))
    assert {"serving/docker-compose.yml", "serving/kubernetes.yaml"} <= named
    for name in named:
        assert name.startswith(WRITTEN) or (ROOT / name).exists(), name
    # The table of the beginning, and links in the text.
    for name in re.findall(r"^\| `([\w./-]+)` \| .*$", GUIDE, re.M):
        assert (SERVING / name).exists(), name


def test_its_commands_have_flags_that_exist(capsys):
    def help_of(main, *classes):
        assert commands.run(main, *classes, argv=["program", "--help"]) == 0
        return capsys.readouterr().out

    texts = {
        "python -m efgan_tf.export": help_of(export.main, export.ExportConfig),
        "python -m efgan_tf.client": help_of(client.main, *client.CONFIGS),
        "serving/make_certificates.sh": _script("make_certificates.sh"),
        "serving/edit_rest.sh": _script("edit_rest.sh"),
    }
    for command, text in texts.items():
        used = [line for line in _lines() if line.startswith(command)]
        assert used, command
        for flag in re.findall(r" (--\w+)", " ".join(used)):
            assert flag in text, (command, flag)


def _script(name):
    return (SERVING / name).read_text("utf-8")


def test_the_numbers_that_it_explains_are_those_of_the_files():
    batching = read_config(SERVING / "config/batching.config",
                           "BatchingParameters")  # fmt: skip
    numbers = dict(re.findall(r"^\| `(\w+)` (\d+) \|", GUIDE, re.M))
    assert numbers == {
        name: str(getattr(batching, name).value)
        for name in (
            "max_batch_size", "batch_timeout_micros", "max_enqueued_batches",
            "num_batch_threads",
        )
    }  # fmt: skip
    sizes = ", ".join(map(str, batching.allowed_batch_sizes))
    assert f"`allowed_batch_sizes` {sizes} |" in GUIDE
    (grace,) = re.findall(
        r"terminationGracePeriodSeconds: (\d+)", _script("kubernetes.yaml")
    )
    assert f"for {grace} seconds" in GUIDE
