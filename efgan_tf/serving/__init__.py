"""Serving: the exported model, its signatures and its files."""
