"""The expressions of rendered people, as action units."""

from efgan_tf import action_units

# The eight of RaFD. Which units take part follows the target photographs'
# coding in Langner et al., "Presentation and validation of the Radboud Faces
# Database", Cognition and Emotion 2010 (table 1); the intensities are ours. A
# contempt of that set is one-sided, which 17 numbers cannot say: renderers
# make it so. What an edit aims at is `action_units.PRESETS`.
_TEXTS = {
    "neutral": "",
    "happy": "AU06=4,AU12=4.5,AU25=3,AU10=0.5",
    "sad": "AU01=4.5,AU04=2,AU15=4.5,AU17=3",
    "angry": "AU04=5,AU05=2,AU07=3,AU09=1,AU17=2,AU23=4",
    "fearful": "AU01=4.5,AU02=2.5,AU04=2.5,AU05=5,AU20=4.5,AU25=3,AU26=1.5",
    "disgusted": "AU04=2.5,AU06=1.5,AU07=2,AU09=5,AU10=4.5,AU25=2.5",
    "surprised": "AU01=5,AU02=5,AU05=4.5,AU25=4,AU26=4.5",
    "contemptuous": "AU12=1,AU14=4.5",
}

EXPRESSIONS = {
    name: action_units.to_vector(action_units.parse(text))
    for name, text in _TEXTS.items()
}
"""Name → float32 `[17]`, 0–5."""
