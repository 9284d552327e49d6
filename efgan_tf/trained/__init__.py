"""A trained model in any of its forms, behind one interface.

A run, a `.keras` file, a preset, a SavedModel, a TFLite file, or one on a
server: `loading.load_model` makes an `EditingModel` of each of them, and
`loading.load_network` gives the Keras networks of those that hold any.
"""
