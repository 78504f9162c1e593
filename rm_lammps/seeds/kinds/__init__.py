"""One module for each kind of seeds."""
