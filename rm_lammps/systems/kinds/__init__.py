"""One module for each kind of system."""
