"A notebook as a page of Markdown: hidden cells left out, directives cut off, outputs as they are stored."
import base64, json, re
from pathlib import Path
import exercises

IMAGES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif", "image/svg+xml": "svg"}
DIRECTIVES = re.compile(r"\A(?:\s*#\s*\|.*(?:\n|\Z))+")

def cells(path): return json.loads(Path(path).read_text(encoding="utf-8"))["cells"]

def text(source): return source if isinstance(source, str) else "".join(source)

def fence(code, kind, ident=""):
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    return f"{ticks} {{ {kind} {ident}}}\n{code.rstrip()}\n{ticks}"

def outside_code(f, markdown):
    "`f` of the Markdown between its fenced blocks."
    parts = re.split(r"(^ *(```+).*?^ *\2 *$)", markdown, flags=re.M | re.S)
    return "".join(f(p) if i % 3 == 0 else p for i, p in enumerate(parts) if i % 3 != 2)

KEPT = re.compile(r"""(`+)(?:(?!\1).)+\1|\$\$.+?\$\$|\$[^$\n]+\$|<!--.*?-->|<https?:[^\s<>]*>|</?[A-Za-z][\w-]*(?:\s+[A-Za-z_:][\w.:-]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)*\s*/?>|<""", re.S)

def no_false_tags(markdown):
    "`<A w, y>` is a product to notebooks, and a link to mkdocs: only what CommonMark takes for a tag remains one."
    return KEPT.sub(lambda m: "&lt;" if m[0] == "<" else m[0], markdown)

def output(o, name):
    "Markdown of one output, and the bytes of the picture in it."
    if o["output_type"] == "stream": return fence(plain(text(o["text"])), ".text .output"), None
    if o["output_type"] == "error": return fence(plain("\n".join(o["traceback"])), ".text .output"), None
    data = o["data"]
    for mime, ending in IMAGES.items():
        if mime not in data: continue
        got = text(data[mime])
        return f'<img class="figure" src="{name}.{ending}" alt="Figure" loading="lazy">', (f"{name}.{ending}", got.encode() if ending == "svg" else base64.b64decode(got))
    if "text/html" in data: return f'<div class="output">\n{re.sub(chr(10) + "{2,}", chr(10), text(data["text/html"]))}\n</div>', None
    if "text/markdown" in data: return text(data["text/markdown"]), None
    return fence(plain(text(data.get("text/plain", ""))), ".text .output"), None

def plain(s): return re.sub(r"\x1b\[[0-9;]*m", "", re.sub(r"[^\n]*\r(?!\n)", "", s))

def page(path):
    "Markdown of the notebook, and its pictures by name."
    parts, pictures, name = [], {}, Path(path).stem
    behind = False  # the heading of the exercises
    for c in cells(path):
        source = text(c["source"])
        directives = " ".join(re.findall(r"#\s*\|\s*(.*)", "".join(DIRECTIVES.findall(source))))
        if re.search(r"\bhide\b", directives): continue
        if c["cell_type"] == "markdown":
            behind = behind or source.startswith("## Exercises")
            parts.append(outside_code(no_false_tags, exercises.anchored(source) if behind else source))
            continue
        code = DIRECTIVES.sub("", source)
        if c["cell_type"] != "code": continue
        fold = re.search(r'code-summary: "(.*?)"', directives)
        if fold: parts.append(f'<details markdown="1">\n<summary>{fold[1]}</summary>')
        if code.strip() and not re.search(r"echo:\s*false", directives):
            parts.append(fence(code, ".python .export" if re.search(r"\bexports?i?\b", directives) else ".python", f'#{cell_id(c["id"])} '))
        for i, o in enumerate(c["outputs"]):
            markdown, picture = output(o, f'{name}-{c["id"]}-{i}')
            parts.append(markdown)
            if picture: pictures[picture[0]] = picture[1]
        if fold: parts.append("</details>")
    return "\n\n".join(parts) + "\n", pictures

def cell_id(ident): return f"cell-{ident}"
