"""Trained models that come with the package.

For each, `NAME.npz` has the weights in half precision and `NAME.md` is its
card; `manifest.json` says what there is. `efgan_tf.trained.presets` reads them.
"""
