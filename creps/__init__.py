__version__ = "0.1.0"

from .coords import View
from .generator import Generator
from .discriminator import Discriminator
from .train import fit
from . import files as files  # fills render.targets

__all__ = ["View", "Generator", "Discriminator", "fit"]
