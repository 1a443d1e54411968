"""Classical heads on frozen vectors, fitted in seconds: the floor that training must beat, and the fast way to adapt.

`Head` is what all of them end as, so that every one becomes the same small ONNX graph; `choose_head` takes the one
that cross-validation favours. Encoders are not known here: vectors come in, a head goes out.
"""

from fsl.learning.heads.choosing import ChosenHead, Trial, choose_head
from fsl.learning.heads.head import Head, RandomFeatures, log_likelihoods
from fsl.learning.heads.logistic import fit_probe
from fsl.learning.heads.prototypes import class_means
from fsl.learning.heads.temperature import fit_temperature

__all__ = [
    "ChosenHead",
    "Head",
    "RandomFeatures",
    "Trial",
    "choose_head",
    "class_means",
    "fit_probe",
    "fit_temperature",
    "log_likelihoods",
]
