"""The pages of the site as plain Markdown on disk, with their pictures and what the live page loads:   python docs/pages.py FOLDER
Every generator can take them from there: it needs `nav.json` (titles and pages, nested), Markdown with attributes on fences and
headings, and something that sets $formulas$.  docs/hooks.py hands them to mkdocs."""
import gzip, json, os, re, shutil, subprocess, sys, tarfile, tempfile
from configparser import ConfigParser
from pathlib import Path
import api, exercises, notebooks

root = Path(__file__).resolve().parents[1]
nbs = root / "nbs"
WIDE = "---\nhide: [navigation]\n---\n\n"   # a page alone in its part
KATEX, ORT = "0.19.1", "1.30.0"            # versions of npm packages
# what the live page draws, the first one at first, and some seeds of each
LIVE = {"portraits-64": ("people", [3, 24, 30, 44, 53, 61, 8, 12]), "earth-64": ("maps", [5, 3, 14, 38, 43, 1, 10, 41])}
kept = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "creps-site/npm"

ini = ConfigParser()
ini.read(root / "settings.ini", encoding="utf-8")
cfg = ini["DEFAULT"]
blob = f'{cfg["git_url"]}/blob/{cfg["branch"]}'

def book():
    "The numbered notebooks, in the order of their numbers, whichever part they lie in."
    return sorted(nbs.glob("*/[0-9][0-9]_*.ipynb"), key=lambda p: p.name)

def parts(): return {p.parent.name: None for p in book()}   # each once, in the order of the book

def tutorials():
    "In the order in which the contents name them, the others behind."
    front = (nbs / "contents.ipynb").read_text(encoding="utf-8")
    found = (p for p in nbs.glob("tutorials/*.ipynb") if not p.name.startswith((".", "_")))
    return sorted(found, key=lambda p: (front.find(f"tutorials/{p.name}") % (len(front) + 1), p.name))   # -1 becomes the end

def module(path):
    "creps/generator.py of nbs/idea/06_generator.ipynb, if there is one."
    found = root / cfg["lib_path"] / f"{path.stem.split('_', 1)[1]}.py"
    return found if found.exists() else None

def reference_page(path): return f"{path.parent.name}/{module(path).stem}.md"   # where nbdev's index has it

def title(path): return re.search(r"^# (.*)", notebooks.text(notebooks.cells(path)[0]["source"]), re.M)[1].strip()

def chapters() -> list:
    "The notebooks by part, the tutorials last: (heading, [(title, path, address)])."
    def of(paths): return [(f"{p.stem.split('_')[0]} {title(p)}" if p.stem[0].isdigit() else title(p), p, f"{p.parent.name}/{p.stem}.md") for p in paths]
    return [*((part.title(), of(p for p in book() if p.parent.name == part)) for part in parts()), ("Tutorials", of(tutorials()))]

class PageError(Exception): "A page that can't be made; the words say why."

def nav() -> list:
    "Titles and the pages behind them, nested, in the order of the book."
    def of(part): return [p for p in book() if p.parent.name == part]
    lessons = [{part.title(): [{f"{p.stem.split('_')[0]} {title(p)}": f"{part}/{p.stem}.md"} for p in of(part)]} for part in parts()]
    reference = [{part.title(): [{f"creps.{m.stem}": reference_page(p)} for p in of(part) if (m := module(p))]} for part in parts()]
    guides = [{"Tutorials": [{title(p): f"tutorials/{p.stem}.md"} for p in tutorials()]}] if tutorials() else []
    return [{"creps": ["index.md", {"The whole book": "contents.md"}, {"Exercises": "exercises.md"}]}, {"Live": "live.md"}, *lessons, *guides, {"Reference": reference}, {"Changes": "CHANGELOG.md"}]

def write(folder: Path):
    "Every page and every file that a page shows or loads, and `nav.json`."
    names = api.addresses({reference_page(p): m for p in book() if (m := module(p))})
    def add(uri, content):
        file = folder / uri
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    for p in [nbs / "index.ipynb", nbs / "contents.ipynb", *book(), *tutorials()]:
        where = p.relative_to(nbs).parent.as_posix().strip(".")
        markdown, pictures = notebooks.page(p)
        add(f"{where}/{p.stem}.md".strip("/"), notebooks.outside_code(lambda t: mentions(links(t, p.parent), names, where, module(p) if p.stem[0].isdigit() else None), heads(markdown, p)))
        for name, data in pictures.items(): add(f"{where}/{name}".strip("/"), data)
    for p in book():
        if m := module(p): add(reference_page(p), api.page(m, f"{p.stem}.md"))
    def words(text, path): return mentions(links(text, path.parent), names, path.parent.name, module(path) if path.stem[0].isdigit() else None)
    add("exercises.md", exercises.page(chapters(), lambda text, path: notebooks.outside_code(notebooks.no_false_tags, words(text, path))))
    add("CHANGELOG.md", WIDE + mentions(links((root / "CHANGELOG.md").read_text(encoding="utf-8"), root), names, "", None))
    for p in nbs.rglob("images/*.*"): add(p.relative_to(nbs).as_posix(), p.read_bytes())
    for name, data in katex().items(): add(f"katex/{name}", data)
    parts = live()
    for name, data in parts.items(): add(f"live/{name}", data)
    add("live.md", told(parts))
    shutil.copytree(root / "docs/assets", folder, dirs_exist_ok=True)
    add("nav.json", json.dumps(nav(), indent=1, ensure_ascii=False))

def heads(markdown, path):
    "Below the title, where else to look."
    if path.stem == "index": return WIDE + re.sub(r"(?m)^\[!\[.*\n", "", markdown)
    m = path.stem[0].isdigit() and module(path)
    where = [f"[reference]({m.stem}.md)", f"[{m.parent.name}/{m.name}]({blob}/{m.parent.name}/{m.name})"] if m else []
    where.append(f"[{path.name}]({blob}/{path.relative_to(root).as_posix()})")
    return re.sub(r"(?m)^(> .*\n)", lambda q: f'{q[0]}\n{" · ".join(where)}\n{{ .where }}\n', markdown, count=1)

def links(markdown, folder):
    "Links to notebooks and to the changelog lead to their pages, those to other files to the repository. Badges are words: they would be fetched from elsewhere."
    def move(m):
        target, _, anchor = m[2].partition("#")
        there = (folder / target).resolve()
        if there == root / "CHANGELOG.md": new = os.path.relpath(nbs / "CHANGELOG.md", folder)
        elif there.is_relative_to(nbs): new = re.sub(r"\.ipynb$", ".md", target)
        elif there.is_relative_to(root): new = f"{blob}/{there.relative_to(root).as_posix()}"
        else: return m[0]
        return m[1] + new + (f"#{anchor}" if anchor else "")
    markdown = re.sub(r"!\[([^]]*)\]\(https?:[^)]*\)", r"\1", markdown)
    markdown = re.sub(r"<details(?! markdown)", "<details markdown", markdown)
    return re.sub(r'(\]\(|\bsrc="|\bhref=")(?![a-z]+:|#)([^)"\s]+)', move, markdown)

def mentions(markdown, names, where, own):
    "What prose names in backticks leads to the reference, plain words only to their own module's; headings and links stay as they are."
    def link(m):
        address = names.get(m[1].removesuffix("()"), "")
        clear = re.search("[A-Z_.]", m[1]) or own and f"/{own.stem}.md" in address
        return f"[`{m[1]}`]({os.path.relpath(address, where or '.')})" if address and clear else m[0]
    return re.sub(r"(?m)^(?:#|\[!).*|\[[^]]*\]\([^)]*\)|<summary>.*?</summary>|``+.*?``+|`([^`\n]+)`", lambda m: link(m) if m[1] else m[0], markdown)

def vendored(package, version, wanted):
    "Those files in dist/ of an npm package whose names match, by name; fetched the first time."
    folder = kept / f"{package}-{version}"
    if not folder.exists():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept) as tmp:
            got = subprocess.run(["npm", "pack", "--silent", f"{package}@{version}"], cwd=tmp, capture_output=True, text=True)
            if got.returncode: raise PageError(f"npm pack {package}@{version} fails: {got.stderr.strip()[-400:]}")
            with tarfile.open(Path(tmp, f"{package}-{version}.tgz")) as t:
                for m in t:
                    if not re.fullmatch(f"package/dist/({wanted})", m.name): continue
                    file = Path(tmp, "files", m.name.removeprefix("package/dist/"))
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(t.extractfile(m).read())
            Path(tmp, "files").rename(folder)   # whole, or not at all
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}

def katex():
    "Style sheet and fonts of KaTeX by name."
    files = vendored("katex", KATEX, r"katex\.min\.(css|js)|fonts/.*\.woff2")
    del files["katex.min.js"]
    files["katex.min.css"] = re.sub(rb',url\([^)]*\.(woff|ttf)\) format\("[a-z]*"\)', b"", files["katex.min.css"])
    return files

PARTS = "mapping", "lines", "pixels"

def live():
    "What the live page loads, by name: the viewer, each network in parts, and what executes them."
    runtime = vendored("onnxruntime-web", ORT, r"ort\.wasm\.bundle\.min\.mjs|ort-wasm-simd-threaded\.wasm")
    packed = gzip.compress(runtime["ort-wasm-simd-threaded.wasm"], mtime=0)   # which not every server would do
    files, models = {"ort.wasm.packed": packed, "ort.js": runtime["ort.wasm.bundle.min.mjs"]}, []
    for name, (_, seeds) in LIVE.items():
        parts, known = network(name)
        files |= {f"{name}/{part}.onnx": data for part, data in parts.items()}
        models.append(known | dict(seeds=seeds, bytes=sum(map(len, parts.values())), runtime=len(packed)))
    files["models.json"] = json.dumps(models).encode()
    return files | {name: (root / cfg["lib_path"] / name).read_bytes() for name in ("viewer.js", "viewer.css")}

def network(name):
    "A network in parts, and what the page must know of it."
    try:
        from creps import Generator
        from creps.directions import groups
        from creps.export import export_onnx
        from creps.viewer import about, sliders
        path = f"{cfg['lib_path']}/models/{name}"
        G = Generator.from_pretrained(root / path).requires_grad_(False)
        parts = {part: export_onnx(G, None, part) for part in PARTS}
    except (ImportError, ValueError) as e: raise PageError(f"the live page needs the package and its export: pip install -e '.[docs,export]' ({e})") from None
    known = about(G, name) | {k: getattr(G, k) for k in ("z_dim", "w_dim", "num_ws", "rank")}
    known |= dict(path=path, members=list(groups(G).values()), maps=len(known["blocks"]), channels=G.biline_channels)
    ways = {part: [[round(x, 5) for x in way.vector.tolist()] for way in sliders(G, part)] for part in ("all", *known["groups"])}
    return parts, known | dict(ways=ways)

def told(files):
    "The live page, which says what it loads."
    def mb(*names): return f"{sum(len(files[n]) for n in names) / 1e6:.1f}"
    first, *_ = LIVE
    runtime, weights = ("ort.js", "ort.wasm.packed"), {name: [f"{name}/{part}.onnx" for part in PARTS] for name in LIVE}
    choices = "".join(f'<button type="button" data-model="{name}" aria-pressed="{str(name == first).lower()}">{what} <small>{name}</small></button>' for name, (what, _) in LIVE.items())
    listed = " and ".join(f"`{name}` ({mb(*parts)} MB)" for name, parts in weights.items())
    facts = dict(choices=choices, models=listed, whole=mb("models.json", "viewer.js", "viewer.css", *runtime, *weights[first]), runtime=mb(*runtime))
    return re.sub(r"\{(\w+)\}", lambda m: facts[m[1]], (root / "docs/live.md").read_text(encoding="utf-8"))

if __name__ == "__main__":
    if len(sys.argv) != 2: sys.exit(__doc__)
    write(Path(sys.argv[1]))
