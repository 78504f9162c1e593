"""Models that ship with the package, and how any model is found."""
