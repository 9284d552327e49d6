"""A trained model as a TFLite file, and that file itself."""
