"""What large disordered cells look like, beside samples that are known."""
