"""A trained model in any of its forms, behind one interface."""
