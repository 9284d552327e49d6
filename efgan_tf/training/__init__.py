"""Training: losses, objectives, the traced step, the loop."""
