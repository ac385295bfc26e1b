"""With this folder on PYTHONPATH, Python finds only the packages that `pip install creps` brings, whatever else is installed:
what needs an extra without saying so fails here as it would on a user's machine."""
import re, sys
from configparser import ConfigParser
from importlib.machinery import PathFinder
from importlib.metadata import distributions
from pathlib import Path

def _name(requirement): return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()

def _tops(dist):
    "Top-level modules and packages of a distribution."
    parts = (f.parts for f in dist.files or ())
    return {p[0].split(".")[0] for p in parts if len(p) > 1 or p[0].endswith((".py", ".so"))}

_ini = ConfigParser()
_ini.read(Path(__file__).parents[2] / "settings.ini", encoding="utf-8")
_dists = {_name(d.metadata["Name"]): d for d in reversed(list(distributions()))}   # the first on the path wins
_wanted, _todo = {"creps"}, [_name(r) for r in _ini["DEFAULT"]["requirements"].split()]
while _todo:
    if (n := _todo.pop()) not in _wanted and n in _dists:
        _wanted.add(n)
        _todo += [_name(r) for r in _dists[n].requires or () if "extra ==" not in r]
_kept = {t for n, d in _dists.items() if n in _wanted for t in _tops(d)}
_hidden = {t for n, d in _dists.items() if n not in _wanted for t in _tops(d)} - _kept - {"creps", ""}

class CoreOnly(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        return None if fullname.partition(".")[0] in _hidden else super().find_spec(fullname, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = CoreOnly
