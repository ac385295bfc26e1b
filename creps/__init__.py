__version__ = "0.2.0"

from .coords import View
from .generator import Generator
from .discriminator import Discriminator
from .train import fit

__all__ = ["View", "Generator", "Discriminator", "fit"]
