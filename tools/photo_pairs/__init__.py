"""True targets for photographs of people of whom there is only one picture.

A mouth (or closed eyes) of another photograph is put into a photo, brows and
lips are moved. What comes out shows the same person in the same view with
another expression, so that each of two such pictures can be the other's target
of the paired loss. docs/data.md shows some.
"""
