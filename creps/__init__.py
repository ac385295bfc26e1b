__version__ = "0.1.0"

from .coords import View
from .generator import Generator
from .discriminator import Discriminator
from .train import fit
from . import report as report  # gives fit its live curves in notebooks

__all__ = ["View", "Generator", "Discriminator", "fit"]
