"""A trained model, whatever its form, applied to the faces of photos."""
