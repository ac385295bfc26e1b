"""The reference of a module as a page of Markdown, read from its source: signatures, docstrings, and docments (the comments behind parameters).
Nothing is imported, so the site can be built without torch."""
import ast, io, re, tokenize
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

@dataclass
class Symbol:
    name: str                    # Generator.draw
    node: ast.AST
    cell: str                    # id of the notebook cell that it was written in
    ident: str = ""              # anchor in the page
    comments: dict = field(default_factory=dict)   # line -> comment

    @property
    def level(self): return 2 + self.name.count(".")

def symbols(path):
    "Public functions, classes and methods of a module, in the order of the notebook; methods that are patched on follow where they stand."
    source = Path(path).read_text(encoding="utf-8")
    lines, found, taken = source.splitlines(), [], set()
    comments = {t.start[0]: t.string.lstrip("# ").strip() for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT}
    tree = ast.parse(source)
    public = next((ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "__all__"), [])
    def cell(node): return next((m[1] for line in reversed(lines[:node.lineno]) if (m := re.match(r"# %% \S+ #(\w+)", line))), None)
    def add(name, node):
        ident = name.lower()
        while ident in taken: ident += "_"
        taken.add(ident)
        found.append(Symbol(name, node, cell(node), ident, comments))
    for n in tree.body:
        if isinstance(n, ast.FunctionDef) and (owner := patched(n)):
            if not owner.startswith("_") and not n.name.startswith("_"): add(f"{owner}.{n.name}", n)
        elif isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name in public:
            add(n.name, n)
            for m in n.body if isinstance(n, ast.ClassDef) else []:
                if isinstance(m, ast.FunctionDef) and not m.name.startswith("_"): add(f"{n.name}.{m.name}", m)
    constants = [n for n in tree.body if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "_") in public]
    return ast.get_docstring(tree) or "", found, [ast.get_source_segment(source, n) for n in constants]

def patched(node):
    "The class that a function is patched on: the annotation of its first parameter."
    names = [ast.unparse(d) for d in node.decorator_list]
    if any(d.split("(")[0] == "patch" for d in names) and node.args.args: return ast.unparse(node.args.args[0].annotation).split(".")[-1]

def parameters(s):
    "[name, type, default, comment] of each parameter, and of what is returned; as in fastcore.docments, a comment belongs to the last of them on its line."
    node = s.node
    if isinstance(node, ast.ClassDef):
        init = next((m for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"), None)
        if init is None:
            if not any("dataclass" in ast.unparse(d) for d in node.decorator_list): return None
            return [[n.target.id, ast.unparse(n.annotation), n.value and ast.unparse(n.value), s.comments.get(n.end_lineno, "")] for n in node.body if isinstance(n, ast.AnnAssign)]
        node, skip = init, 1
    else: skip = int("." in s.name and not any(ast.unparse(d) == "staticmethod" for d in node.decorator_list))
    a = node.args
    first, rows = [*a.posonlyargs, *a.args], []
    defaults = [None] * (len(first) - len(a.defaults)) + a.defaults
    named = list(zip(first, defaults))[skip:]
    if a.vararg: named.append((a.vararg, None))
    named += zip(a.kwonlyargs, a.kw_defaults)
    if a.kwarg: named.append((a.kwarg, None))
    last = {p.lineno: p.arg for p, _ in named} | ({node.returns.lineno: "return"} if node.returns else {})
    for p, default in named:
        stars = "*" if p is a.vararg else "**" if p is a.kwarg else ""
        comment = s.comments.get(p.lineno, "") if last[p.lineno] == p.arg else ""
        rows.append([stars + p.arg, p.annotation and ast.unparse(p.annotation), default and ast.unparse(default), comment])
    if a.kwonlyargs and not a.vararg: rows.insert(len(named) - len(a.kwonlyargs) - bool(a.kwarg), ["*", None, None, ""])
    if node.returns: rows.append(["return", ast.unparse(node.returns), None, s.comments.get(node.returns.lineno, "")])
    return rows

def signature(s, rows, annotated):
    "One line, which the page may wrap; with the types if no table says them."
    is_property = any(re.search(r"\bproperty$|as_prop", ast.unparse(d)) for d in getattr(s.node, "decorator_list", []))
    if rows is None: return f"class {s.name}" + (f"({', '.join(map(ast.unparse, s.node.bases))})" if s.node.bases else "")
    typed = lambda n, t: f"{n}: {t}" if t and annotated else n
    args = [typed(n, t) + ("" if d is None else f" = {d}" if t and annotated else f"={d}") for n, t, d, _ in rows if n != "return"]
    gives = next((f" -> {t}" for n, t, _, _ in rows if n == "return" and annotated), "")
    if is_property: return s.name + gives.replace(" ->", ":")
    return f"{s.name}({', '.join(args)}){gives}"

def prose(text): return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))

def table(rows):
    code = lambda t: f"<code>{escape(t, quote=False)}</code>"
    def row(n, t, d, c):
        name = "returns" if n == "return" else f"<b>{code(n)}</b>"
        kind = " ".join(filter(None, [t and code(t), d and f"= {code(d)}"]))
        return f"<tr><td>{name}</td><td>{kind}</td><td>{prose(c)}</td></tr>"
    return '<table class="docments">\n' + "\n".join(row(*r) for r in rows if r[0] != "*") + "\n</table>"

def entry(s, notebook):
    rows = parameters(s)
    documented = bool(rows) and any(r[3] for r in rows)
    parts = [f"{'#' * s.level} `{s.name}` {{ #{s.ident} }}", f"``` {{ .python .signature }}\n{signature(s, rows, not documented)}\n```"]
    if doc := ast.get_docstring(s.node): parts.append("\n".join(f"<p>{prose(p)}</p>" for p in doc.split("\n\n")))
    if documented: parts.append(table(rows))
    if s.cell: parts.append(f"[in the notebook]({notebook}#cell-{s.cell})\n{{ .where }}")
    return "\n\n".join(parts)

def page(path, notebook):
    "Markdown of the module's reference; `notebook` is the page that it was written in."
    doc, found, constants = symbols(path)
    parts = [f"# creps.{Path(path).stem}", f"<blockquote><p>{prose(doc)}</p></blockquote>",
             f"[{Path(notebook).stem}]({notebook})\n{{ .where }}"]
    if constants: parts.append("```python\n" + "\n".join(c if len(c) < 300 else c[:300].rsplit("\n", 1)[0] + " ..." for c in constants) + "\n```")
    return "\n\n".join(parts + [entry(s, notebook) for s in found]) + "\n"

def addresses(modules):
    """Page and anchor of the names that prose may mean without doubt: modules, and what is no parameter's name and in one module only.
    `modules` are their files by their pages."""
    found, parameter_names = {}, set()
    for page, path in modules.items():
        stem = Path(path).stem
        for s in symbols(path)[1]:
            parameter_names |= {r[0] for r in parameters(s) or []}
            for name in (s.name, f"{stem}.{s.name}", f"creps.{stem}.{s.name}"): found.setdefault(name, set()).add(f"{page}#{s.ident}")
    found = {n: min(a) for n, a in found.items() if len(a) == 1 and n not in parameter_names}
    pages = {Path(path).stem: page for page, path in modules.items()}
    start = Path(next(iter(modules.values()))).parent / "__init__.py"
    for module, name in re.findall(r"(?m)^from \.(\w+) import (\w+)$", start.read_text(encoding="utf-8")):
        if (address := found.get(f"creps.{module}.{name}")): found[f"creps.{name}"] = address
    return {n: a for n, a in found.items() if n not in pages} | {f"creps.{m}": page for m, page in pages.items()}
