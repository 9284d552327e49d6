"""The model on a phone: TFLite files, and what they lose."""
