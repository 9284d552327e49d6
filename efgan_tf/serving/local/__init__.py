"""A local server that answers as TensorFlow Serving does, for development."""
