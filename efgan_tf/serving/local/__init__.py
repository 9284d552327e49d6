"""A local server with TensorFlow Serving's gRPC API, for development."""
