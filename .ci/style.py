"""Is the package as narrow, as light and as typed as CONTRIBUTING.md asks?  `python .ci/style.py`

Each figure has a ceiling. Where what is asked isn't reached yet, the ceiling is what there is now: lower it when the figure falls.
A trailing comment (a docment) does not count towards the 110 characters of code; with it, a line has at most 140."""
import ast, io, re, sys, tokenize
from collections import Counter
from pathlib import Path

package = Path(__file__).resolve().parents[1] / "creps"
ceilings = {
    "code lines over 110 characters": 0,
    "lines over 140 characters": 0,
    "statements after a semicolon": 0,
    "parallel assignments of more than two names": 0,
    "conditional expressions in one another": 0,
    "lambdas with a name": 0,
    "methods patched on public classes": 0,
    "functions of more than 14 parameters": 0,      # but for what describes a training or a network
    "nodes of a statement, 90th percentile": 28,
    "public names": 188,                            # asked: 200
    "public names of two modules": 0,              # asked: 0
}
configurations = {"Settings", "Network", "Execution", "Generator", "fit"}  # what describes a training or a network has many fields

def is_patch(node): return any("patch" in ast.unparse(d) for d in node.decorator_list)

def docstrings(tree) -> set:
    "The lines of docstrings."
    owners = (n for n in ast.walk(tree) if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef)))
    texts = [n.body[0] for n in owners if ast.get_docstring(n) is not None]
    return {line for text in texts for line in range(text.lineno, text.end_lineno + 1)}

def wide(src: str, tree):
    "Lines that are too long: their code, and altogether."
    said = docstrings(tree)
    tokens = list(tokenize.generate_tokens(io.StringIO(src).readline))
    comments = {t.start[0]: t.start[1] for t in tokens if t.type == tokenize.COMMENT}
    for i, line in enumerate(src.split("\n"), 1):
        if line.startswith("# %%") or re.match(r"__all__ = |           '", line): continue   # made by nbdev
        code = line[:comments.get(i, len(line))].rstrip()
        if len(code) > 110 and i not in said: yield "code lines over 110 characters", i
        elif len(line) > 140: yield "lines over 140 characters", i

def owners(tree):
    "Each function, and the class whose constructor it is."
    for node in ast.walk(tree):
        for f in ast.iter_child_nodes(node):
            if isinstance(f, ast.FunctionDef):
                constructs = isinstance(node, ast.ClassDef) and f.name in ("__init__", "__new__")
                yield f, node.name if constructs else f.name

def dense(tree):
    "Statements and expressions that hold too much at once."
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            names = [t for t in node.targets if isinstance(t, ast.Tuple) and isinstance(node.value, ast.Tuple)]
            if any(len(t.elts) > 2 for t in names): yield "parallel assignments of more than two names", node.lineno
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            if any(isinstance(v, ast.Lambda) for v in values): yield "lambdas with a name", node.lineno
        inner = [n for n in ast.walk(node) if n is not node] if isinstance(node, ast.IfExp) else []
        if any(isinstance(n, ast.IfExp) for n in inner): yield "conditional expressions in one another", node.lineno
        for body in (getattr(node, field, None) for field in ("body", "orelse", "finalbody")):
            if not isinstance(body, list): continue
            lines = Counter(s.lineno for s in body if isinstance(s, ast.stmt))
            yield from (("statements after a semicolon", line) for line, n in lines.items() for _ in range(n - 1))
    for f, name in owners(tree):
        if is_patch(f): yield "methods patched on public classes", f.lineno
        parameters = [a for a in (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs) if a.arg not in ("self", "cls")]
        if len(parameters) > 14 and name not in configurations: yield "functions of more than 14 parameters", f.lineno

compound = (ast.FunctionDef, ast.ClassDef, ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Import, ast.ImportFrom)
found, nodes, public = {figure: [] for figure in ceilings}, [], {}
for path in sorted(package.glob("[a-z]*.py")):
    src = path.read_text(encoding="utf-8")
    tree = ast.parse(src)
    for figure, line in (*wide(src, tree), *dense(tree)): found[figure].append(f"creps/{path.name}:{line}")
    statements = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and not isinstance(n, compound)]
    nodes += [sum(1 for _ in ast.walk(n)) for n in statements]
    for n in statements:
        if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__":
            for name in ast.literal_eval(n.value): public.setdefault(name, []).append(path.stem)
found["public names of two modules"] = [f"{name} ({', '.join(modules)})" for name, modules in public.items() if len(modules) > 1]
figures = {figure: len(places) for figure, places in found.items()}
figures["public names"] = sum(map(len, public.values()))
figures["nodes of a statement, 90th percentile"] = sorted(nodes)[round(.9 * (len(nodes) - 1))]
above = [figure for figure, n in figures.items() if n > ceilings[figure]]
for figure in above: print(f"{figure}: {figures[figure]}, more than {ceilings[figure]}", *found[figure], sep="\n  ")
lower = [f"{figure} {n}" for figure, n in figures.items() if n < ceilings[figure]]
if lower: print(f"ceilings that can fall: {', '.join(lower)}")
print(f"{len(ceilings)} figures, {len(above)} above their ceilings")
sys.exit(bool(above))
