"""Measuring edits of photographs, of which no true picture exists."""
