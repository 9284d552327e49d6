"""Tiny networks: 64×64 pixels, four channels, one block."""

import keras
import numpy as np
import pytest

from efgan_tf.config import ModelConfig
from efgan_tf.models import build_cascade, build_efgan

TINY = {
    "image_size": 64,
    "stages": 2,
    "base_width": 4,
    "local_width": 4,
    "global_blocks": 1,
    "local_blocks": 1,
    "refiner_blocks": 1,
    "critic_width": 4,
    "estimator_width": 4,
}


@pytest.fixture(scope="session")
def tiny():
    """`tiny(au_input="difference", …)` → a small `ModelConfig`."""
    return lambda **changes: ModelConfig(**{**TINY, **changes})


@pytest.fixture(scope="session")
def faces():
    """Four images in [-1, 1] and units in 0-1, source and target."""
    rng = np.random.default_rng(0)
    return {
        "image": rng.uniform(-1, 1, (4, 64, 64, 3)).astype("float32"),
        "source_action_units": rng.random((4, 17), "float32"),
        "target_action_units": rng.random((4, 17), "float32"),
    }


@pytest.fixture(scope="session")
def efgan(tiny):
    keras.utils.set_random_seed(0)
    return build_efgan(tiny())


@pytest.fixture(scope="session")
def cascade(tiny):
    keras.utils.set_random_seed(0)
    return build_cascade(tiny())


@pytest.fixture(scope="session")
def set_heads():
    """`set_heads(branch, color, attention)`: both constant everywhere."""

    @np.errstate(divide="ignore")
    def apply(branch, color, attention):
        kernel, bias = branch.get_layer("heads").weights
        kernel.assign(np.zeros(kernel.shape))
        # Logits of ±200 are exactly 0 and 1 in float32.
        logit = np.clip(np.log(attention) - np.log1p(-attention), -200, 200)
        bias.assign([*[np.arctanh(color)] * 3, logit])

    return apply
