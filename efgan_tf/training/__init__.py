"""The training run: objectives, the traced step, checkpoints, the loop."""
