"""The page of `python -m efgan_tf.demo`: sliders, and what they do to a face.

`session` knows what a visitor's work is and nothing of pages; `page` lays it
out with Gradio; `web_server` serves that.
"""
