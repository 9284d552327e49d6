"""Action units of photographs, read from the photographs alone."""

from efgan_tf.labeling.folder import LabeledFolder, fingerprint, label_folder

__all__ = ["LabeledFolder", "fingerprint", "label_folder"]
