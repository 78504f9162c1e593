"""Keys under which structures and samples carry what a training has to know; imports nothing."""

SAMPLE_INDEX = "sample_index"
"""Key under which a data set numbers its samples; the transform takes it out."""

ANCHOR = "equilibrium_energy_per_atom"
"""Key of E~ per atom (pseudo-eV) at equilibrium, to which the fictitious energy adds; taken out."""

WRONG = "wrong"
"""Key of a spurious structure's array that is 1 at wrong atoms and 0 at others."""

SHOWN = "shown"
"""Key of how often a structure is shown, relative to others."""

LOSS_WEIGHT = "response_loss_weight"
"""Key of the weight of a sample's squared errors in the loss, shape (1, 1)."""
