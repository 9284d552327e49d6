"""What a run would do, before it does anything: `--dry_run`."""

from pathlib import Path

from efgan_tf.common import options
from efgan_tf.common.errors import UserError
from efgan_tf.config import Config
from efgan_tf.data import describe as describe_data
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training import memory, schedules
from efgan_tf.training.initial import beginning


def describe(config: Config) -> str:
    """The resolved config, network sizes, steps and memory, as text.

    Building the networks takes some seconds; data and run directory are not
    touched.

    Raises:
      UserError: a new run cannot start from `--init_from`.
    """
    from efgan_tf.models import parameter_counts

    is_new = RunDirectory(Path(config.train.run_dir)).is_new()
    begin = beginning(config) if is_new else None
    counts = parameter_counts(config.model)
    lines = ["configuration:"]
    lines += [f"  {line}" for line in options.flag_lines(config)]
    try:
        data = describe_data(config.data, config.model.image_size)
    except UserError as error:
        data = str(error)
    lines += ["", f"data: {data}", "", "parameters:"]
    lines += [f"  {name:<20}{count:>14,}" for name, count in counts.items()]
    lines += ["", "phases:"]
    if begin and config.train.init_from:
        phase, source = begin.position.phase, config.train.init_from
        lines.append(
            f"  begins in phase {phase} from {begin.checkpoint or source}"
        )
    for phase in (1, 2):
        steps = schedules.total_steps(config.train, phase)
        images = steps * config.train.batch_size * config.train.n_critic
        stages = 1 if phase == 1 else config.model.stages
        memory_gib = memory.step_bytes(config, stages) / 2**30
        lines.append(
            f"  phase {phase}: {steps:,} steps, {images:,} images, "
            f"{stages} stage(s), a step needs about {memory_gib:.2f} GiB"
        )
    return "\n".join(lines)
