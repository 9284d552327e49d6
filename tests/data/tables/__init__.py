"""Tables: how each kind is read, and how rows find their photos."""
