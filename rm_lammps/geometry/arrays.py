"""The one type of array that geometry is made of."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STIFF = "stiff"
"""Key of ``Atoms.arrays`` that marks the atoms which move as a whole only, not one by one."""
