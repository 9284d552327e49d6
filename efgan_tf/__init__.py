"""Cascade EF-GAN in TensorFlow/Keras: facial expression editing."""

__version__ = "0.1.0"
