"""Ground truth for photographs of people of whom there is only one picture.

A photo gets another photograph's mouth, its own is opened, its eyes are closed,
its brows and lips are moved, folds of skin are painted. What comes out shows
the same person in the same view with another expression, so that each of two
such pictures can be the other's target of the paired loss. docs/data.md shows
some.
"""
