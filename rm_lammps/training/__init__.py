"""The training run: presets, batches, the step, and how good the model is."""
