"""README.md is the notebook nbs/index.ipynb as Markdown.

python .ci/readme.py                  write README.md, and the pictures of its outputs to nbs/index_files/
python .ci/readme.py --check          fail when they are not what this would write
python .ci/readme.py --test-command   print the command of README.md that runs the notebooks as tests
"""
import posixpath, re, sys
from pathlib import Path

root = Path(__file__).resolve().parents[1]
source, readme, pictures = root / "nbs/index.ipynb", root / "README.md", root / "nbs/index_files"

def test_command():
    "What follows the installation in the README's second command."
    found = re.search(r"&&\s*(.*\bnbdev-test\b[^`\n]*)", readme.read_text(encoding="utf-8")) if readme.exists() else None
    if not found: sys.exit("README.md has no command `pip install ... && ... nbdev-test ...`")
    return found[1].strip()

def without_directives(nb):
    "Drop hidden cells, the source of `echo: false` cells, and the directive lines themselves."
    nb.metadata["language_info"] = {"name": "python"}   # nbdev-clean drops it, and code fences want it
    nb.cells = [c for c in nb.cells if not re.match(r"#\|\s*hide\s*$", c.source, re.M)]
    for c in nb.cells:
        if c.cell_type != "code": continue
        c.metadata["transient"] = {"remove_source": bool(re.match(r"(#\|.*\n)*#\|\s*echo:\s*false", c.source))}
        c.source = re.sub(r"\A(\s*#\|.*(\n|\Z))+", "", c.source)
        if not c.source.strip(): c.metadata["transient"]["remove_source"] = True
    return nb

def from_root(text):
    "Relative links, which start in nbs/ in the notebook, start at the root in the README; fenced code stays as it is."
    def move(m): return m[1] + posixpath.normpath(f"nbs/{m[2]}")
    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)
    link = r'(\]\(|\bsrc="|\bhref=")(?![a-z]+:|#)([^)"\s]+)'
    return "".join(p if p.startswith("```") else re.sub(link, move, p) for p in parts)

def render():
    "The README's text, and its pictures by name."
    import nbformat
    from nbconvert import MarkdownExporter
    nb = without_directives(nbformat.read(source, 4))
    text, resources = MarkdownExporter().from_notebook_node(nb, {"unique_key": "index", "output_files_dir": pictures.name})
    text = re.sub(r"[ \t]+$", "", text, flags=re.M)
    return re.sub(r"\n{3,}", "\n\n", from_root(text)).strip() + "\n", {Path(k).name: v for k, v in resources["outputs"].items()}

def main():
    if not source.exists(): sys.exit("nbs/index.ipynb is missing")
    text, files = render()
    there = {p.name: p.read_bytes() for p in pictures.glob("*")}
    if "--check" in sys.argv:
        wrong = [n for n in sorted(files.keys() | there.keys()) if files.get(n) != there.get(n)]
        if not readme.exists() or readme.read_text(encoding="utf-8") != text: wrong.append("README.md")
        if wrong: sys.exit(f"not what nbs/index.ipynb gives: {', '.join(wrong)}; run `python .ci/readme.py`")
        return print(f"README.md: {len(text.splitlines())} lines and {len(files)} pictures, as nbs/index.ipynb gives them")
    readme.write_text(text, encoding="utf-8")
    for n in there.keys() - files.keys(): (pictures / n).unlink()
    for n, data in files.items():
        pictures.mkdir(exist_ok=True)
        (pictures / n).write_bytes(data)

print(test_command()) if "--test-command" in sys.argv else main()
