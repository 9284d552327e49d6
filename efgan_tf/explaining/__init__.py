"""Shows what the networks see and do: maps, attention, residuals, responses.

A photo's face → what its action units are read from, where and how an edit
changes it, and how it answers to each slider; as pictures and as one page.
"""
