"""Independent judges: networks that read faces and never trained a generator.

networks   what a judge looks like
learning   how one is trained
panel      the three judges of a data set: made, scored, kept and asked
benefit    do edited pictures help a judge to learn?
"""

from efgan_tf.evaluation.judges.benefit import compare_augmentation
from efgan_tf.evaluation.judges.panel import Judges, train_judges

__all__ = ["Judges", "compare_augmentation", "train_judges"]
