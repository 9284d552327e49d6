"""Synthetic faces with exact action units: a CC0 head, rendered."""
