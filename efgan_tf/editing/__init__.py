"""Editing: a trained model, whatever its form, applied to aligned faces.

`loading.load_model` makes an `EditingModel` of a run, a `.keras` file or a
SavedModel.
"""
