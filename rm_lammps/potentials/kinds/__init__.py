"""One module for each potential."""
