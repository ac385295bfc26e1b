"""Is the book one book?  `python .ci/book.py`, or `python .ci/book.py NOTEBOOK..` for every fault of some notebooks

Every notebook of idea, training, drawing, evidence and tutorials has the same frame, in these words and in this order:

1. A markdown cell: `# Title`, an empty line, `> One sentence that says what it is about.` (Behind it, where it exports, `#| default_exp`.)
2. A markdown cell that begins with the Colab badge of this notebook and has three paragraphs that begin so:
   `**What you will learn**: `, `**Time and machine**: ` and `**Prerequisites**: ` (each on a line of its own; others may follow).
3. A code cell that makes the notebook run on Colab: `first_cell` below, with the packages that it needs, and no version. What the
   notebook imports must come with these, with creps or with Colab, and the files that it reads must be in the repository.
4. The lesson. Its headings are `## ` and `### `. A solution or what only a maintainer wants to see is folded:
   `#| code-fold: true` and `#| code-summary: "Solution"` in the first two lines of its cell.
5. A markdown cell `## What we have`: the recap. It has the words `**It costs**` and `**Used next**`, with sentences behind them.
6. A markdown cell `## Exercises`, and two to five exercises, at least two of them with a check: a markdown cell `**1.** The task`;
   a folded code cell, summary "What the check compares with", with the right function (it would be the answer in plain sight);
   a code cell with the function to fill in, whose body is `...`, and behind it `check(function, what_is_right, case, ..)`;
   and a folded code cell, summary "Solution", with the function and `assert check(function, what_is_right, case, ..)`.
   An exercise without a check may have its solution in words, `<details><summary>Solution</summary>`. Nothing comes behind but `nbdev_export()`.

Beside the frame: at least three display formulas ($$ .. $$, each on lines of its own) in the notebooks of idea, training and
evidence that have mathematics; pictures at least 220 pixels high on a page of 900; code lines, cells and statements as
CONTRIBUTING.md has them; no word that the field doesn't use; and terms are explained where they come first.

The notebooks of engine have no frame, but the same limits for code lines and cells.

Where that isn't reached yet, there is a ceiling, which is what there is now: lower it when the figure falls."""
import ast, base64, configparser, io, json, re, sys, tokenize
from pathlib import Path
from PIL import Image

root = Path(__file__).resolve().parents[1]
cfg = configparser.ConfigParser()
cfg.read(root / "settings.ini", encoding="utf-8")
cfg = cfg["DEFAULT"]
parts = ["idea", "training", "drawing", "evidence", "tutorials"]
ceilings = {   # zero is asked for everywhere
    "frame": 0,
    "recaps": 0,
    "exercises": 0,
    "exercises missing": 0,
    "formulas": 0,
    "pictures": 0,
    "code lines": 0,
    "long cells": 0,
    "statements": 0,
    "engine code lines": 0,
    "engine long cells": 0,
    "words": 0,
    "terms": 0,
}
exercises_asked = 40
without_formulas = {   # notebooks of idea, training and evidence that have no mathematics, and what they have
    "39_results": "tables",
}
imported_as = {"PIL": "pillow", "skimage": "scikit-image"}   # module -> package, where the names differ
brought_by_colab = {"matplotlib", "matplotlib-inline", "ipython", "ipywidgets", "scipy", "scikit-image", "torchvision", "accelerate"}
page = 900          # CSS pixels of a page's width: wider pictures are shown smaller
words = {           # a word or turn of ours -> what the field says
    r"brought down|br(ing|ings|inging) (it|them|that) down|bring(s|ing)? down": "downsampled",
    r"gone on with|go(es|ing)? on with|went on with": "resumed, continued",
    r"\bdear(er|est)?\b": "expensive",
    r"\bdrawn (at random|anew|once|evenly|uniformly|independently|by chance|from (a|the) (seed|normal|distribution|prior))|\bare drawn (for|from) the\b": "sampled",
    r"\bbills?\b": "cost",
    r"\b(no|a|the) message\b(?<!error message)|\bis the message": "say what would go wrong",
    r"\bloud(er|ness)?\b": "large, magnitude",
    r"\bnobody's\b": "ignored",
    r"\bweaves?\b": "pattern of rows and columns",
    r"touch(es)? up": "change",
    r"\bthe painter\b": "the renderer",
    r"\bthe two (are|is) equals?\b": "equal",
    r"(?<!=)\bhand(s|ed)? out\b": "give, output",
}
terms = {           # what must be explained where it comes first, in the order of the numbers: set in * or ** there
    "PSNR": r"\bPSNR\b|\bdB\b", "SSIM": r"\bSSIM\b", "SWD": r"\bSWD\b", "Fréchet distance": r"\bFr[ée]chet\b|\bFID\b", "KID": r"\bKID\b",
    "latent code": r"\blatents?\b", "style code": r"\bstyle codes?\b", "rank": r"\brank\b", "composition": r"\bcompos(ition|ed|es)\b",
    "decoder": r"\bdecoders?\b", "truncation": r"\btruncat\w+", "demodulation": r"\b(de)modulat\w+", "aliasing": r"\balias\w+",
    "texture sticking": r"\bsticking\b", "discriminator": r"\b(discriminator|critic)s?\b", "R1": r"\bR1\b", "path length": r"\bpath.length\b",
    "EMA": r"\bEMA\b", "kimg": r"\bkimg\b", "bandwidth": r"\bbandwidth\b", "equalised learning rate": r"\bequali[sz]ed\b",
    "rung": r"\brungs?\b",
}

def source(cell): return "".join(cell["source"])

class Notebook:
    def __init__(self, path):
        self.path, self.part, self.stem = path, path.parent.name, path.stem
        self.name = path.relative_to(root / "nbs").as_posix()
        self.cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        self.text = [c for c in self.cells if c["cell_type"] == "markdown"]
        self.code = [c for c in self.cells if c["cell_type"] == "code"]

    def prose(self):
        "Markdown without formulas, code and addresses, cell by cell."
        for c in self.text:
            plain = re.sub(r"(?s)```.*?```|\$\$.*?\$\$", " ", source(c))
            yield c, re.sub(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)|https?://\S+", " ", plain)

def folded(cell): return source(cell).startswith("#| code-fold: true\n#| code-summary:")

def lesson(cell): return "nbdev_export()" not in source(cell)

def opening(nb):
    "The title, what is promised, and the installation."
    if not re.match(r"# \S.*\n+> \S", source(nb.cells[0])): yield "frame", "has no title with a sentence"
    front = next((c for c in nb.text[1:2]), None)
    said = source(front) if front else ""
    badge = f"https://colab.research.google.com/github/{cfg['user']}/{cfg['repo']}/blob/{cfg['branch']}/nbs/{nb.name}"
    if not said.startswith("[![Open In Colab]") or badge not in said.split("\n")[0]: yield "frame", "the second text has no Colab badge of it"
    for promise in ("What you will learn", "Time and machine", "Prerequisites"):
        if not re.search(rf"(?m)^\*\*{promise}\*\*: \S", said): yield "frame", f"has no paragraph **{promise}**: in its second text"
    first = next((source(c) for c in nb.code if "default_exp" not in source(c)), "")
    needed = re.search(r"(?m)^    needed = (\[.*\])$", first)
    if needed is None or first != first_cell(nb.part, needed[1]): yield "frame", "its first code is not the one that installs the package"
    else: yield from on_colab(nb, json.loads(needed[1]))

def first_cell(part, needed):
    return f'''import importlib.util, os, subprocess, sys
# on Colab: the package, and this notebook's folder. A clone alone is a folder without an origin.
there = importlib.util.find_spec("creps")
if there is None or there.origin is None:
    needed = {needed}
    address = "{cfg["git_url"]}"
    if not os.path.isdir("creps"): subprocess.run(["git", "clone", "-q", "--depth=1", address], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *needed], check=True)
    importlib.invalidate_caches()
if os.path.isdir("creps/nbs/{part}"): os.chdir("creps/nbs/{part}")'''

def on_colab(nb, needed):
    "What a notebook imports and reads, and isn't there when it is opened on Colab."
    own, *more = needed
    extras = re.fullmatch(r"\./creps(?:\[([a-z,]+)\])?", own)
    if extras is None: yield "frame", f"installs {own} in place of ./creps"; return
    chosen = [name for name in (extras[1] or "").split(",") if name]
    if unknown := [name for name in chosen if name not in cfg["extras"].split()]: yield "frame", f"installs unknown extras {unknown}"; return
    lists = [cfg["requirements"], *(cfg[f"{name}_requirements"] for name in chosen), *more]
    there = {re.split(r"[<>=\[]", name)[0].lower().replace("_", "-") for line in lists for name in line.split()} | brought_by_colab
    code = "\n".join(re.sub(r"(?m)^\s*[%!].*", "pass", source(c)) for c in nb.code)
    for node in ast.walk(ast.parse(code)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level: names = [node.module or ""]
        for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"creps"}:
            if imported_as.get(name, name.replace("_", "-").lower()) not in there: yield "frame", f"imports {name}, which Colab would not have"
    drawings = re.search(r'\bportraits\(|(open_data\(|data=)"(portraits|emoji|earth)', code)
    if drawings and "vectors" not in chosen: yield "frame", "draws vector pictures without the extra `vectors`"
    for name in sorted(set(re.findall(r'"(\.\./\.\./[\w./-]+)"', code))):
        if not (nb.path.parent / name).exists(): yield "frame", f"reads {name}, which is not in the repository"

def ending(nb):
    "The recap and the exercises."
    heads = {source(c).split("\n")[0].strip(): k for k, c in enumerate(nb.cells) if c["cell_type"] == "markdown"}
    recap, tasks = heads.get("## What we have"), heads.get("## Exercises")
    if recap is None: yield "recaps", "has no ## What we have"
    else:
        for word in ("It costs", "Used next"):
            if f"**{word}**" not in source(nb.cells[recap]): yield "recaps", f"its recap doesn't say what **{word}**"
    if tasks is None or (recap is not None and tasks < recap):
        yield "exercises", "has no ## Exercises behind ## What we have"
        return
    if any(c["cell_type"] == "markdown" and re.match("##? ", source(c)) for c in nb.cells[tasks + 1:]):
        yield "exercises", "goes on behind the exercises"
    numbers = [int(n) for c in nb.cells[tasks:] if c["cell_type"] == "markdown" for n in re.findall(r"(?m)^\*\*(\d+)\.\*\*", source(c))]
    if numbers != list(range(1, len(numbers) + 1)) or not 2 <= len(numbers) <= 5: yield "exercises", f"has the exercises {numbers}, not 1 to 2..5"
    if (n := sum(1 for _ in checked(nb))) < 2: yield "exercises", f"{n} of its exercises have a check and a solution"
    for c in nb.cells[tasks:]:
        blank = c["cell_type"] == "code" and not folded(c) and re.search(r"(?m)^    \.\.\.$", source(c))
        if blank and (len(re.findall(r"(?m)^def ", source(c))) > 1 or "lambda" in source(c)):
            yield "exercises", f"{c['id']} shows what the check compares with beside the blank"
        if c["cell_type"] == "code" and folded(c) and "\nassert check(" not in source(c) and '"Solution"' in source(c):
            yield "exercises", f"the solution {c['id']} doesn't say `assert check(`"

def checked(nb):
    "Names of functions to fill in, with their checks and solutions."
    blank = {}
    for c in nb.code:
        if re.search(r"(?m)^    \.\.\.$", source(c)):
            blank |= {name: c for name in re.findall(r"(?m)^check\((\w+),", source(c))}
    for c in nb.code:
        if folded(c): yield from (name for name in re.findall(r"(?m)^assert check\((\w+),", source(c)) if name in blank)

def formulas(nb):
    "Display formulas."
    if nb.part not in ("idea", "training", "evidence") or nb.stem in without_formulas: return
    n = sum(len(re.findall(r"(?s)\$\$.+?\$\$", source(c))) for c in nb.text)
    if n < 3: yield "formulas", f"has {n} display formulas"

def shown_height(output):
    "CSS pixels of height of the picture in an output, on the page; None: it has none."
    data = output.get("data", {})
    for kind, value in data.items():
        raw = "".join(value) if isinstance(value, list) else value
        if kind == "image/svg+xml":
            size = [float(x) * (4 / 3 if unit == "pt" else 1) for x, unit in re.findall(r'(?:width|height)="([\d.]+)(pt|px)?"', raw[:2000])[:2]]
            if len(size) < 2: continue
            width, height = size
        elif kind.startswith("image/"):
            said = output.get("metadata", {}).get(kind, {})
            width, height = Image.open(io.BytesIO(base64.b64decode(raw))).size
            if "width" in said: width, height = said["width"], height * said["width"] / width
        else: continue
        return height * min(1, page / width)

def pictures(nb):
    for c in nb.code:
        for o in c["outputs"]:
            if (height := shown_height(o)) and height < 220: yield "pictures", f"{c['id']}: a picture is {height:.0f} px high"

def code(nb):
    for c in nb.code:
        lines = source(c).split("\n")
        for line in lines:
            bare = re.sub(r"\s+#.*", "", line)
            most = 140 if re.fullmatch(r"""\s*f?"[^"]*"\s*""", bare) else 110   # a docstring
            if len(line) - len(line.lstrip()) > 44: yield "code lines", f"{c['id']}: broken far inside: {bare.strip()[:40]}.."
            if len(bare) > most and not line.startswith("#|"): yield "code lines", f"{c['id']}: {len(bare)} characters: {bare.strip()[:40]}.."
        if len(lines) > 40: yield "long cells", f"{c['id']}: {len(lines)} lines"
        try: tree = ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", source(c)))
        except SyntaxError: continue
        if not lesson(c): continue
        for node in ast.walk(tree):
            for body in (getattr(node, field, None) for field in ("body", "orelse", "finalbody")):
                starts = [s.lineno for s in body] if isinstance(body, list) else []
                if len(starts) > len(set(starts)): yield "statements", f"{c['id']}: several statements in a line"

def said_in_code(nb):
    "Strings and comments of the code, cell by cell: what readers of a docstring, a figure or a shell's output see."
    for c in nb.code:
        try: tokens = list(tokenize.generate_tokens(io.StringIO(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", source(c))).readline))
        except (tokenize.TokenError, SyntaxError): continue
        yield c, "\n".join(t.string for t in tokens if t.type in (tokenize.STRING, tokenize.COMMENT, in_f_string))

in_f_string = getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)   # Python 3.12 takes f-strings apart

def vocabulary(nb):
    for c, text in (*nb.prose(), *said_in_code(nb)):
        for pattern, better in words.items():
            for found in re.finditer(pattern, text, re.I): yield "words", f"{c['id']}: \"{found[0]}\": {better}"

def explained(notebooks):
    "Terms that come first, in the order of the numbers, where they aren't explained."
    for term, pattern in terms.items():
        uses = ((nb, c, text) for nb in notebooks for c, text in nb.prose() if re.search(pattern, text, re.I))
        if (first := next(uses, None)) is None: continue
        nb, c, text = first
        emphasised = re.findall(r"\*{1,2}([^*]+)\*{1,2}", text)
        if not any(re.search(pattern, e, re.I) for e in emphasised): yield nb, "terms", f"{c['id']}: {term} comes first here and isn't explained (no *{term}*)"

engine = [Notebook(p) for p in sorted((root / "nbs" / "engine").glob("[!_.]*.ipynb"))]   # its words count, its frame is free
paths = [p for part in parts for p in sorted((root / "nbs" / part).glob("[!_.]*.ipynb"))]
notebooks = [Notebook(p) for p in paths]
rules = [opening, ending, formulas, pictures, code, vocabulary]
faults = [(nb, figure, text) for nb in notebooks for rule in rules for figure, text in rule(nb)]
faults += [(nb, f"engine {figure}", text) for nb in engine for figure, text in code(nb) if f"engine {figure}" in ceilings]
faults += [(nb, figure, text) for nb in engine for figure, text in vocabulary(nb)]
faults += explained([nb for nb in notebooks if nb.part != "tutorials"])
asked = {Path(a).stem for a in sys.argv[1:]}
if asked:
    for nb, figure, text in faults:
        if nb.stem in asked: print(f"{nb.name}: {figure}: {text}")
    sys.exit()
per_notebook = ("frame", "recaps", "exercises", "formulas")   # counted once for each notebook
found = {figure: [(nb, t) for nb, f, t in faults if f == figure] for figure in ceilings}
figures = {figure: len({nb.name for nb, _ in found[figure]}) if figure in per_notebook else len(found[figure]) for figure in ceilings}
have = sum(1 for nb in notebooks for _ in checked(nb))
figures["exercises missing"] = max(0, exercises_asked - have)
above = [figure for figure, n in figures.items() if n > ceilings[figure]]
for figure in above:
    print(f"{figure}: {figures[figure]}, more than {ceilings[figure]}")
    for nb, text in found[figure]: print(f"  {nb.name}: {text}")
lower = [f"{figure} {n}" for figure, n in figures.items() if n < ceilings[figure]]
if lower: print(f"ceilings that can fall: {', '.join(lower)}")
print(f"{len(notebooks)} notebooks, {have} exercises with checks, {len(above)} of {len(ceilings)} figures above their ceilings")
sys.exit(bool(above))
