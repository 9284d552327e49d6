"""A model that TensorFlow Serving or `efgan_tf.serve` serves, over gRPC.

It imports grpcio, protobuf, NumPy, Pillow and absl, but not TensorFlow.
"""
