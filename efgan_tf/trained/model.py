"""The inference interface of a trained model, the same for all its forms.

Images are aligned faces `[b, size, size, 3]` in [-1, 1],
action units `[b, 17]` in 0–5.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from efgan_tf import action_units
from efgan_tf.common import runtime
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import check_range
from efgan_tf.trained.info import ModelInfo

BATCH_SIZE = 32
"""Faces that go through the networks at a time."""


@dataclasses.dataclass(frozen=True, eq=False)
class Edits:
    """What the cascade made of b faces in K stages.

    Attributes:
      images: float32 `[b, K, size, size, 3]` in [-1, 1], after each stage; the
        last is the result.
      attention: float32 `[b, K, size, size, 1]` in [0, 1], Â after each
        stage: of all stages up to it together. 1 is new, 0 is the source.
      branches: "face", "eyes", "nose", "mouth", "refiner", as far as the model
        has them → float32 `[b, K, size, size, 1]`, the branch's own attention
        in each stage, 0 outside its box. Empty where the model does not tell:
        a SavedModel.
    """

    images: np.ndarray
    attention: np.ndarray
    branches: dict[str, np.ndarray]

    def each(self) -> list["Edits"]:
        """Those of each face, batches of one."""
        return [
            Edits(
                self.images[[n]],
                self.attention[[n]],
                {name: mask[[n]] for name, mask in self.branches.items()},
            )
            for n in range(len(self.images))
        ]


class EditingModel:
    """A loaded model; `efgan_tf.trained.loading.load_model` makes it.

    Args:
      name: the path it came from.
      info: what it says about itself.
      run_cascade: `image`, `source` and `target` (units in 0-1), given by
        these names → `"stages"`, `"attention"`, and the attention of the
        branches by their names, as in `Edits`.
      run_estimator: `image` → `"action_units"` (0-1); None if it has no
        estimator.
      batch_size: faces that go through the networks at a time.
    """

    def __init__(
        self,
        name: str,
        info: ModelInfo,
        run_cascade: Callable,
        run_estimator: Callable | None,
        batch_size: int = BATCH_SIZE,
    ):
        self.name = name
        self.info = info
        self._run_cascade = run_cascade
        self._run_estimator = run_estimator
        self._batch_size = batch_size

    @property
    def size(self) -> int:
        """Side of the aligned faces in pixels."""
        return self.info.model.image_size

    @property
    def stages(self) -> int:
        """K, the number of stages."""
        return self.info.model.stages

    @property
    def au_mask(self) -> np.ndarray:
        """Float32 `[17]`: 1 for the units that its data could teach."""
        return self.info.au_mask

    @property
    def has_estimator(self) -> bool:
        """Whether it can tell a face's action units."""
        return self._run_estimator is not None

    def check_estimator(self) -> None:
        """Raises a `UserError` if it cannot tell a face's action units."""
        if not self.has_estimator:
            raise UserError(
                f"{self.name} has no estimator: it cannot tell what a face "
                "shows; say so with --source_au=AU12=1,AU25=2 (in Python "
                "source_action_units)"
            )

    def estimate(self, images: np.ndarray) -> np.ndarray:
        """Which action units faces show.

        Args:
          images: float32 `[b, size, size, 3]` in [-1, 1], b ≥ 1.

        Returns:
          float32 `[b, 17]`, 0–5.

        Raises:
          UserError: the model has no estimator.
          ValueError: the images have another shape or range.
        """
        self.check_estimator()
        assert self._run_estimator
        units = [
            self._run_estimator(**part)["action_units"]
            for part in self._batches(image=self._checked(images))
        ]
        return action_units.denormalize(np.concatenate(units))

    def edit(
        self,
        images: np.ndarray,
        source: np.ndarray,
        target: np.ndarray,
        stages: int | None = None,
    ) -> Edits:
        """Changes faces from one expression to another.

        Units that the model's data could not teach stay at the source's.

        Args:
          images: float32 `[b, size, size, 3]` in [-1, 1], b ≥ 1.
          source: `[b, 17]`, 0–5, what the faces show.
          target: `[b, 17]`, 0–5, what they should show.
          stages: K', how many of the K stages are gone through, all by
            default. Fewer make larger steps, k/K' of the way after the k-th:
            the last result is at the target with any number.

        Returns:
          `Edits` with K' stages.

        Raises:
          UserError: a unit is not within 0–5, or `stages` not within 1–K.
          ValueError: an array has another shape, or the images another range.
        """
        images = self._checked(images)
        source = action_units.validate(source)
        target = action_units.validate(target)
        if not len(images) == len(source) == len(target):
            raise ValueError("images, source and target differ in number")
        count = self.checked_stages(stages)
        target = np.where(self.au_mask > 0, target, source)
        # Stage k goes k/K of the way to what it is given. Given K/K' of the
        # change, the first K' stages go k/K' of the way.
        far = source + (target - source) * (self.stages / count)
        parts = [
            self._run_cascade(**part)
            for part in self._batches(
                image=images,
                source=action_units.normalize(source),
                target=action_units.normalize(far),
            )
        ]

        def joined(name):
            return np.concatenate(
                [np.asarray(part[name])[:, :count] for part in parts]
            )

        branches = [
            name for name in self.info.model.branches if name in parts[0]
        ]
        return Edits(
            joined("stages"),
            joined("attention"),
            {name: joined(name) for name in branches},
        )

    def checked_stages(self, stages: int | None) -> int:
        """How many stages are run; `stages` says, None means all.

        Raises:
          UserError: there are not so many.
        """
        count = self.stages if stages is None else stages
        if not 1 <= count <= self.stages:
            raise UserError(
                f"{self.name} has {self.stages} stages; {count} of them "
                "cannot be run"
            )
        return count

    def _checked(self, images: np.ndarray) -> np.ndarray:
        runtime.check_process()
        images = np.asarray(images, np.float32)
        side = self.size
        if images.shape[1:] != (side, side, 3) or not len(images):
            raise ValueError(
                f"expected [b, {side}, {side}, 3], got {images.shape}"
            )
        check_range(images, -1, 1)
        return images

    def _batches(self, **arrays: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
        """The inputs of the networks, part by part."""
        size = self._batch_size
        for start in range(0, len(arrays["image"]), size):
            yield {
                name: np.asarray(array[start : start + size], np.float32)
                for name, array in arrays.items()
            }
