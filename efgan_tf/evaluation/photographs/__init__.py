"""Measuring edits of photographs, of which no ground truth exists."""
