"""Is the tree in order?  Lists what is not, and fails if anything is.  `python .ci/structure.py`"""
import ast, configparser, importlib, json, re, subprocess, sys
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from types import ModuleType

root = Path(__file__).resolve().parents[1]
cfg = configparser.ConfigParser()
cfg.read(root / "settings.ini", encoding="utf-8")
cfg = cfg["DEFAULT"]
package = root / cfg["lib_path"]
may_import = {   # parts of the story, which are folders of notebooks: what each may import beside itself, whole parts or single modules
    "idea": ["core", "interactive"],
    "training": ["idea", "engine"],
    "drawing": ["idea", "engine", "metrics", "distributions"],
    "evidence": ["idea", "training", "drawing", "engine"],
    "engine": ["idea", "training", "drawing", "evidence"],
}
importers = {"viewer": {"cli"}, "cli": set()}   # the doors of the house: who may import them
late = {   # what is imported in functions though `pip install creps` brings it, or Python, and why
    "torch.utils.tensorboard": "needs the extra `train`", "lpips": "takes seconds to load, and one metric uses it",
    "resource": "not on Windows",
}
by_name = {   # modules in which functions import by a name that they compute, and why
    "decode": "optional readers of pictures", "export": "optional packages", "benchmark": "another process finds its function",
    "peers": "AnyresGAN and ScaleParty, which build on it",
}
public = {"Generator": "generator", "Discriminator": "discriminator", "View": "coords", "fit": "train"}  # what creps itself offers, and from where

class Notebook:
    def __init__(self, path):
        self.path, self.name = path, path.relative_to(root).as_posix()
        self.cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found = re.match(r"(\d\d)_(\w+)$", path.stem)
        self.number, self.stem = found.groups() if found else (None, path.stem)
        self.part = path.parent.name
        self.module = next(iter(re.findall(r"^#\|\s*default_exp\s+(\S+)", "\n".join(map(self.source, self.cells)), re.M)), None)

    @staticmethod
    def source(cell): return "".join(cell["source"])

    def code(self):
        "Python of each code cell, shell commands and magics blanked."
        for c in self.cells:
            if c["cell_type"] == "code" and not self.source(c).startswith("%%"):
                yield re.sub(r"^(\s*)[%!].*$", r"\1pass", self.source(c), flags=re.M)

    def uses(self):
        "Names of the modules of the package that the code cells import."
        for node in (n for code in self.code() for n in ast.walk(ast.parse(code))):
            if isinstance(node, ast.ImportFrom) and node.module == "creps":
                yield from (public.get(a.name, a.name) for a in node.names)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("creps."): yield node.module.split(".")[1]
            elif isinstance(node, ast.Import): yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("creps."))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "creps":
                yield public.get(node.attr, node.attr)

paths = sorted(p for p in (root / cfg["nbs_path"]).rglob("*.ipynb") if not re.search(r"/[._]", p.relative_to(root).as_posix()))
notebooks = [Notebook(p) for p in paths]
modules = {nb.module: nb for nb in notebooks if nb.module}
committed = [root / n for n in subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True).stdout.split("\0") if n]
texts = {p.relative_to(root).as_posix(): t for p in committed if p.is_file() and "\0" not in (t := p.read_bytes().decode("utf-8", "replace"))}

def one_module_each():
    for nb in notebooks:
        if nb.module and nb.module != nb.stem: yield f"{nb.name}: exports to {nb.module}"
    made = {p.stem for p in package.rglob("*.py")} - {"__init__", "__main__", "_modidx"}
    yield from (f"{m}.py: comes from no notebook" for m in sorted(made - modules.keys()))
    yield from (f"{m}: its notebook is not exported" for m in sorted(modules.keys() - made))

def numbers_run_through():
    "Numbers belong to notebooks in a part, no two have the same, and a part's are neighbours."
    for nb in notebooks:
        if bool(nb.number) != (nb.part in may_import): yield f"{nb.name}: numbers belong to the folders {', '.join(may_import)}"
    inside = sorted((nb for nb in notebooks if nb.number), key=lambda nb: nb.number)
    for before, nb in zip(inside, inside[1:]):
        if nb.number == before.number: yield f"number {nb.number} is used twice: {before.name}, {nb.name}"
    order = [nb.part for before, nb in zip([None, *inside], inside) if before is None or nb.part != before.part]
    if order != list(may_import): yield f"the parts should be numbered in the order {', '.join(may_import)}, not {', '.join(order)}"

def imports_follow_the_table():
    "In the lessons, too, not only in what is exported."
    used = {nb.module: sorted(set(nb.uses()) & modules.keys() - {nb.module}) for nb in modules.values()}
    for module, others in used.items():
        nb = modules[module]
        for other in others:
            if not {other, modules[other].part} & {nb.part, *may_import.get(nb.part, [])}:
                yield f"{nb.name}: {nb.part} may not import creps.{other}, of {modules[other].part}"
            if other in importers and module not in importers[other]: yield f"{nb.name}: nothing may import creps.{other}"
    try: list(TopologicalSorter(used).static_order())
    except CycleError as e: yield f"modules import each other in a circle: {' <- '.join(e.args[1])}"

def exported(): return {m: ast.parse((package / f"{m}.py").read_text(encoding="utf-8")) for m in modules}

def imports_stand_at_the_top():
    "Except those of optional packages."
    owners, there = packages_distributions(), required([])
    def due(name):
        top = name.split(".")[0]
        own = {plain(o) for o in owners.get(top, [top])}
        return name not in late and (top in sys.stdlib_module_names or top == "creps" or bool(own & there))
    for module, tree in exported().items():
        for f in (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.Lambda))):
            for node in ast.walk(f):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom): names = ["creps" if node.level else node.module]
                yield from (f"creps/{module}.py:{node.lineno}: imports {name} in a function" for name in names if due(name))
                if isinstance(node, ast.Call) and module not in by_name:
                    if re.search(r"(^|\.)(import_module|resolve_name|__import__)$", ast.unparse(node.func)):
                        yield f"creps/{module}.py:{node.lineno}: imports by name in a function"

def modules_leave_each_other_alone():
    "Nothing is changed by an import: no assignment into an imported name, no call of its methods, at the top of a module."
    def base(node):
        while isinstance(node, (ast.Attribute, ast.Subscript)): node = node.value
        return node.id if isinstance(node, ast.Name) else None
    for module, tree in exported().items():
        imported = {(a.asname or a.name).split(".")[0] for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
            found = [t for t in targets if isinstance(t, (ast.Attribute, ast.Subscript))]
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call): found.append(node.value.func)
            yield from (f"creps/{module}.py:{node.lineno}: changes {name} when it is imported" for name in {base(t) for t in found} & imported)

def contributors_see_the_table():
    said = texts.get("CONTRIBUTING.md", "")
    for part, others in may_import.items():
        row = f"| `{part}` | {', '.join(f'`{o}`' for o in others)} |"
        if row not in said: yield f"CONTRIBUTING.md: has no row {row}"

def contents_lead_everywhere():
    "The tables of notebooks are outputs, which are as old as their last execution."
    contents = root / cfg["nbs_path"] / "contents.ipynb"
    for nb in notebooks:
        link = f"({nb.path.relative_to(contents.parent).as_posix()})"
        if nb.part in (*may_import, "tutorials") and link not in texts[contents.relative_to(root).as_posix()]:
            yield f"nbs/contents.ipynb: has no link to {nb.name}; execute it"

def notebooks_are_tidy():
    for nb in notebooks:
        ids = [c.get("id") for c in nb.cells]
        if None in ids or len(set(ids)) < len(ids): yield f"{nb.name}: cells without an id of their own"
        if (size := nb.path.stat().st_size) > 600_000: yield f"{nb.name}: {size // 1000} KB, more than 600"

def old_python_reads_it():
    sources = [(p.relative_to(root).as_posix(), p.read_text(encoding="utf-8")) for p in package.rglob("*.py")]
    for name, code in sources + [(nb.name, c) for nb in notebooks for c in nb.code()]:
        try: ast.parse(code, feature_version=(3, 10))
        except SyntaxError as e: yield f"{name}: not Python 3.10: {e}"

def nothing_of_this_machine():
    "Folders of people and machines, and the hosts that pip takes packages from."
    from pip._internal.models.index import PyPI
    from pip._internal.configuration import Configuration
    settings = Configuration(isolated=False)
    settings.load()
    urls = " ".join(str(v) for k, v in settings.items() if "index-url" in k)
    hosts = {PyPI.netloc, PyPI.file_storage_domain, *re.findall(r"://(?:[^/@\s]*@)?([\w.-]+)", urls)}
    folders = [re.escape(str(root) + "/"), re.escape(str(Path.home()) + "/"), "/" + "work/", "/(?:home|Users)/" + r"\w", "/tmp/" + "tmp"]
    bad = re.compile("|".join([*map(re.escape, hosts)] + [rf"(?<![\w.]){f}" for f in folders]))
    for name, text in texts.items():
        yield from (f"{name}:{i}: {m[0]}" for i, line in enumerate(text.splitlines(), 1) if (m := bad.search(line)))

def version_is_one():
    said = re.search(r'__version__ = "(.*)"', texts["creps/__init__.py"])[1]
    if said != cfg["version"]: yield f"creps/__init__.py: version {said}, and {cfg['version']} in settings.ini"
    if f"## {said} (" not in texts["CHANGELOG.md"]: yield f"CHANGELOG.md: has no dated section for {said}"

def owner_is_in_one_place():
    derived = {"settings.ini", "README.md", "nbs/index.ipynb", "creps/_modidx.py"}  # and the badges of notebooks
    yield from (f"{name}: names the owner {cfg['user']}" for name, text in texts.items() if name not in derived and not name.startswith("nbs/") and cfg["user"] in text)

def weights_are_read_safely():
    "Tensors and nothing else: each call of torch.load says so itself, as an argument that can be read here."
    for name, text in texts.items():
        if not (name.startswith("creps/") and name.endswith(".py")): continue
        for node in (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and ast.unparse(n.func).endswith("torch.load")):
            only = [k.value for k in node.keywords if k.arg == "weights_only"]
            if not (only and isinstance(only[0], ast.Constant) and only[0].value is True):
                yield f"{name}:{node.lineno}: torch.load without weights_only=True"

def plain(requirement): return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()

def required(extras) -> set:
    "The distributions that an installation with some extras brings, and what those bring."
    todo, found = [plain(r) for key in ("requirements", *(f"{e}_requirements" for e in extras)) for r in cfg[key].split()], {"creps"}
    while todo:
        if (name := todo.pop()) in found: continue
        found.add(name)
        try: todo += [plain(r) for r in distribution(name).requires or () if "extra ==" not in r]
        except PackageNotFoundError: continue
    return found

def notebooks_need_one_extra():
    "`pip install creps[notebooks]`, which setup.py makes of every extra but the site's, is enough for all of them."
    there, owners = required([e for e in cfg["extras"].split() if e != "docs"]), packages_distributions()
    for nb in notebooks:
        imported = {a.name for code in nb.code() for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Import) for a in n.names}
        imported |= {n.module for code in nb.code() for n in ast.walk(ast.parse(code)) if isinstance(n, ast.ImportFrom) and not n.level}
        for top in sorted({i.split(".")[0] for i in imported} - set(sys.stdlib_module_names) - {"creps"}):
            names = {plain(o) for o in owners.get(top, [top])}
            if not names & there: yield f"{nb.name}: imports {top}, which creps[notebooks] does not bring"

def names_are_what_they_say():
    sys.path.insert(0, str(root))
    creps = importlib.import_module("creps")
    for m in modules:
        importlib.import_module(f"creps.{m}")
        if not isinstance(getattr(creps, m), ModuleType): yield f"creps.{m} is not the module"
    there = {n for n, v in vars(creps).items() if not n.startswith("_") and not isinstance(v, ModuleType)}
    due = {n for n, m in public.items() if m in modules}
    yield from (f"creps.{n}: missing" for n in sorted(due - there))
    yield from (f"creps.{n}: not one of {', '.join(public)}" for n in sorted(there - due))

rules = [one_module_each, numbers_run_through, imports_follow_the_table, imports_stand_at_the_top, modules_leave_each_other_alone, contributors_see_the_table, contents_lead_everywhere,
         notebooks_are_tidy, old_python_reads_it, nothing_of_this_machine, version_is_one, owner_is_in_one_place,
         weights_are_read_safely, notebooks_need_one_extra, names_are_what_they_say]
problems = [p for rule in rules for p in rule()]
print(*problems, f"{len(notebooks)} notebooks, {len(modules)} modules, {len(rules)} rules, {len(problems)} problems", sep="\n")
sys.exit(bool(problems))
