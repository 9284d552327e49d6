"""`serving/README.md` agrees with the files that it describes."""

import re

from efgan_tf import client, commands, export
from tests.serving.operators import SERVING, read_config

ROOT = SERVING.parent
GUIDE = (SERVING / "README.md").read_text("utf-8")
WRITTEN = "serving/tls"  # by a command of the guide


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
        **{
            f"serving/{name}": (SERVING / name).read_text("utf-8")
            for name in ("make_certificates.sh", "edit_rest.sh")
        },
    }
    joined = re.sub(r"\\\n\s+", "", GUIDE)  # continued lines
    for command, text in texts.items():
        used = re.findall(rf"^ {{4,}}{re.escape(command)}.*$", joined, re.M)
        assert used, command
        for flag in re.findall(r" (--\w+)", " ".join(used)):
            assert flag in text, (command, flag)


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
    kubernetes = (SERVING / "kubernetes.yaml").read_text("utf-8")
    (grace,) = re.findall(r"terminationGracePeriodSeconds: (\d+)", kubernetes)
    assert f"for {grace} seconds" in GUIDE
