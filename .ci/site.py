"""Does the site hold together?  `python .ci/site.py [FOLDER]`
Builds it into FOLDER, or into a temporary one, without running a notebook, and follows every link, anchor, picture, style sheet, script and font in it, offline.
Nothing that a browser would load may lie elsewhere. Public names must have the addresses that creps/_modidx.py gives them."""
import ast, importlib.util, json, os, re, shutil, subprocess, sys, tempfile, time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

root = Path(__file__).resolve().parents[1]
LOADS = {"img": ["src"], "script": ["src"], "iframe": ["src"], "source": ["src", "srcset"], "video": ["src", "poster"], "audio": ["src"], "embed": ["src"], "object": ["data"]}

class Page(HTMLParser):
    "What a page links to, what it loads, and where one can link to in it."
    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.anchors, self.words = set(), set(), {"", "__top"}, []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.anchors |= {a[k] for k in ("id", "name") if a.get(k)}
        if tag == "link" and not {"stylesheet", "icon", "preload"} & set(a.get("rel", "").split()): return   # canonical, next, prev
        for key in ["href"] if tag == "link" else LOADS.get(tag, []): self.loads |= {a[key]} if a.get(key) else set()
        if tag == "a" and a.get("href"): self.links.add(a["href"])

    def handle_data(self, data): self.words.append(data)

def build(folder):
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1", "SOURCE_DATE_EPOCH": "0"}
    got = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder], cwd=root, env=env, capture_output=True, text=True)
    if got.returncode: sys.exit("\n".join([line for line in (got.stdout + got.stderr).splitlines() if not line.startswith("INFO")][-60:]))

def faults(folder):
    "One line for each thing that is wrong, and how many links were followed."
    pages = {p: Page(p) for p in folder.rglob("*.html")}
    bad, followed = [], 0
    base = re.search(r'rel="canonical" href="(.*)index\.html"', (folder / "index.html").read_text(encoding="utf-8"))[1]
    home = unquote(urlsplit(base).path)
    def check(page, url, loaded):
        nonlocal followed
        url, place = url.removeprefix(base), urlsplit(url.removeprefix(base))
        if place.scheme == "data": return
        if place.scheme or place.netloc:
            if loaded: bad.append(f"{page}: loads {url[:100]} from elsewhere")
            return
        followed += 1
        path = unquote(place.path)
        there = folder / path.removeprefix(home) if path.startswith("/") else folder / Path(page).parent / path if path else folder / page
        there = Path(os.path.normpath(there / "index.html" if there.is_dir() else there))
        if not there.is_file() or not there.stat().st_size: bad.append(f"{page}: {url[:100]} leads nowhere")
        elif place.fragment and there in pages and unquote(place.fragment) not in pages[there].anchors: bad.append(f"{page}: no such place: {url[:100]}")
    for path, page in pages.items():
        name = path.relative_to(folder).as_posix()
        for url in page.links: check(name, url, False)
        for url in page.loads: check(name, url, True)
        words = "".join(page.words)
        for found in set(re.findall(r"(?m)^#\s*\|\s*(?:hide|export\w?|default_exp\b.*|echo:.*)$|\$\$", words)): bad.append(f"{name}: shows {found!r}")
    for path in folder.rglob("*.css"):
        for url in re.findall(r"""url\(\s*["']?([^"')]+)""", path.read_text(encoding="utf-8")): check(path.relative_to(folder).as_posix(), url, True)
    for entry in json.loads((folder / "search/search_index.json").read_text(encoding="utf-8"))["docs"]: check("index.html", entry["location"], True)
    for address in addresses(): check("index.html", address, True)
    return bad, f"{len(pages)} pages, {followed} links followed"

def exercises(folder):
    "Faults of the page of exercises: each of the notebooks stands there once, with a link to its place."
    asked = set()
    for path in (root / "nbs").glob("*/[!_.]*.ipynb"):
        cells = [(c["cell_type"], "".join(c["source"])) for c in json.loads(path.read_text(encoding="utf-8"))["cells"]]
        begin = next((k for k, (kind, text) in enumerate(cells) if kind == "markdown" and text.startswith("## Exercises")), len(cells))
        numbers = [n for kind, text in cells[begin:] if kind == "markdown" for n in re.findall(r"(?m)^\*\*(\d+)\.\*\*", text)]
        asked |= {f"{path.parent.name}/{path.stem}.html#exercise-{n}" for n in numbers}
    linked = {url for url in Page(folder / "exercises.html").links if "#exercise-" in url}
    yield from (f"exercises.html: {url} is not there" for url in sorted(asked - linked))
    yield from (f"exercises.html: {url} is no exercise" for url in sorted(linked - asked))

def assigned(path, name):
    "The literal that a file assigns to a name; nothing is imported."
    found = (n.value for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.Assign) and n.targets[0].id == name)
    return ast.literal_eval(next(found))

def addresses():
    "What nbdev's index says of public names."
    for module, names in assigned(root / "creps/_modidx.py", "d")["syms"].items():
        public = assigned(root / f"{module.replace('.', '/')}.py", "__all__")
        for name, (address, _) in names.items():
            first, *rest = name.removeprefix(f"{module}.").split(".")
            if first in public and not any(r.startswith("_") for r in rest): yield address

def main():
    if not importlib.util.find_spec("material"): return print("skipped: no mkdocs-material (pip install -e '.[docs,export]')")
    if not (shutil.which("npm") and shutil.which("node")): return print("skipped: no npm, which brings the formulas' program and fonts")
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else tmp).resolve()
        build(folder)
        bad, said = faults(folder)
        bad += exercises(folder)
        size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6
    if bad: sys.exit("\n".join([*sorted(bad)[:60], f"{len(bad)} faults; {said}"]))
    print(f"{said}, {size:.0f} MB, {time.monotonic() - start:.0f} s")

if __name__ == "__main__": main()
