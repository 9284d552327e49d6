"""Training under JAX, on machines that have no TensorFlow. See README.md."""
