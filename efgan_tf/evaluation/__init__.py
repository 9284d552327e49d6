"""Evaluation: how good edits are, by metrics and judges that never trained."""
