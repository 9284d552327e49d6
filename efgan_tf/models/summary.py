"""How large the networks are."""

from efgan_tf.config import ModelConfig
from efgan_tf.models.discriminator import build_critics
from efgan_tf.models.estimator import build_estimator
from efgan_tf.models.generator import build_efgan


def parameter_counts(config: ModelConfig) -> dict[str, int]:
    """Network → parameters, for each branch, EF-GAN, cascade and helper.

    Keys are `branch/REGION`, `branch/refiner`, `efgan` (one stage), `cascade`
    (all of them), `critic/REGION` and `estimator`.
    """
    efgan = build_efgan(config)
    regions = ["face"]
    if config.local_branches:
        regions += config.boxes
    branches = regions + ["refiner"] * config.refiner
    counts = {
        f"branch/{branch}": efgan.get_layer(branch).count_params()
        for branch in branches
    }
    counts["efgan"] = efgan.count_params()
    counts["cascade"] = config.stages * counts["efgan"]
    for region, critic in build_critics(config).items():
        counts[f"critic/{region}"] = critic.count_params()
    counts["estimator"] = build_estimator(config).count_params()
    return counts
