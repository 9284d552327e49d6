"""The networks: branches, EF-GAN, cascade, critics and AU estimator.

Written with `keras.layers` and `keras.ops` alone; importing this package
registers its layers, so that `.keras` files load without `custom_objects`.
"""

from efgan_tf.models.cascade import (
    build_cascade,
    initialize_stages,
    stage_models,
)
from efgan_tf.models.discriminator import (
    build_critic,
    build_critics,
    critic_crop,
    region_units,
)
from efgan_tf.models.estimator import build_estimator
from efgan_tf.models.generator import build_branch, build_efgan
from efgan_tf.models.layers import dtype_policy

__all__ = [
    "build_branch",
    "build_cascade",
    "build_critic",
    "build_critics",
    "build_efgan",
    "build_estimator",
    "critic_crop",
    "dtype_policy",
    "initialize_stages",
    "region_units",
    "stage_models",
]
