"""No documented command is forgotten before a release."""

import pytest

from efgan_tf import config
from efgan_tf.common import flag_files
from efgan_tf.evaluation.evaluation_settings import EvaluateConfig
from tools.release import documents, plan

COMMANDS = {
    command: page.name
    for page in documents.documents()
    for command in documents.commands(page)
}


def test_every_documented_command_has_its_check():
    missing = {c: page for c, page in COMMANDS.items() if c not in plan.PLAN}
    assert not missing
    assert not set(plan.PLAN) - set(COMMANDS)


def test_named_tests_exist():
    for how in plan.PLAN.values():
        if isinstance(how, plan.Tested):
            assert (documents.ROOT / how.path).exists(), how.path


@pytest.mark.parametrize(
    ("module", "classes"),
    [("train", ()), ("evaluate", (EvaluateConfig,))],
)
def test_what_shortens_commands_are_their_flags(module, classes):
    """Else the checklist would fail only after an hour."""
    for command, how in plan.PLAN.items():
        words = (
            how.applied(command).split() if isinstance(how, plan.Run) else []
        )
        if f"efgan_tf.{module}" in words and "&&" not in words:
            values = flag_files.FlagValues()
            config.define_flags(values, *classes)
            arguments = [word for word in words if word.startswith("--")]
            assert values(["program", *arguments]) == ["program"]
