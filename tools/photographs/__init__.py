"""Rebuilds the photographs that models are trained on from their sources."""
