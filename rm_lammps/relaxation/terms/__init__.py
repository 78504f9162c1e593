"""One module for each energy term beside E~."""
