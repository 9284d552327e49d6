"""Trained models that come with the package: `NAME.npz`, and what they are.

    manifest.json   what there is, with size, origin, scores and SHA-256
    NAME.md         the model's card
    NAME.npz        weights in half precision; `efgan_tf.editing.presets` reads
                    them
"""
