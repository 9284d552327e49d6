"""What is done before a release: README.md beside this file is the list."""
