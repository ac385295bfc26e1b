"Installations that broke half-way."
import importlib, importlib.util, json, subprocess, sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from pathlib import Path
import pytest

repo = Path(__file__).resolve().parents[2]

def first_cell(path) -> str:
    "The cell that installs the package on Colab."
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return next(s for c in cells if c["cell_type"] == "code" and "pip" in (s := "".join(c["source"])))

@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    "Runs code in a folder and a Python without creps; returns the programs that it starts."
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *(p for p in sys.path if p and p.endswith((".zip", f"{sys.version_info[1]}", "lib-dynload")))])
    monkeypatch.setattr(sys, "meta_path", [BuiltinImporter, FrozenImporter, PathFinder])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for name in [n for n in sys.modules if n.partition(".")[0] == "creps"]: monkeypatch.delitem(sys.modules, name)
    def go(code):
        started = []
        monkeypatch.setattr(subprocess, "run", lambda command, **more: started.append(command))
        exec(code, {})
        return ["git" if c[0] == "git" else c[2] for c in started]
    return go

@pytest.mark.parametrize("path", sorted((repo / "nbs" / "tutorials").glob("*.ipynb")), ids=lambda p: p.stem)
def test_second_try_on_colab(path, elsewhere, tmp_path):
    "A clone whose installation failed looks like a package without modules: the next try installs it."
    code = first_cell(path)
    clones = '"git", "clone"' in code
    assert elsewhere(code) == ["git"] * clones + ["pip"]
    (tmp_path / "creps" / "creps").mkdir(parents=True)   # the clone, and in it the package
    (tmp_path / "creps" / "creps" / "__init__.py").touch()
    importlib.invalidate_caches()
    assert importlib.util.find_spec("creps") is not None
    assert elsewhere(code) == ["pip"]
    (tmp_path / "creps" / "__init__.py").touch()         # as good as installed
    importlib.invalidate_caches()
    assert elsewhere(code) == []
