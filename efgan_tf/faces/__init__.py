"""Faces in photos: reading, detecting, aligning."""
