"""Teaches a small network what a trained cascade makes of faces."""
