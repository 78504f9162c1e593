"""The one type of array that geometry is made of."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
