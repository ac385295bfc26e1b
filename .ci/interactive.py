"""Do the interactive figures of the notebooks work?  `python .ci/interactive.py [FOLDER FOR SCREENSHOTS] [NOTEBOOK..]`
Opens each figure that is stored in a notebook in a headless Chromium, once as a file and once in its frame, moves every slider to both of its ends, and looks whether the canvas follows and nothing is reported."""
import base64, html, io, json, re, shutil, sys, tempfile, time
from pathlib import Path
import numpy as np
from PIL import Image
from viewer import Browser, check, root, skipped

def stored(path):
    "The frames in the outputs of a notebook."
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/html", []))
            if "creps-interactive" in text: yield text

def canvas(page): return page.js("document.querySelector('canvas').toDataURL()")

def set_to(page, number, end):
    "Move a slider as a hand would, as far as the page can tell: its value and the event."
    page.js(f"(s => {{ s.value = s.{end}; s.dispatchEvent(new Event('input', {{bubbles: true}})) }})"
            f"(document.querySelectorAll('input')[{number}])")

def tour(page, file, name, shots):
    page("Page.navigate", url=file.as_uri())
    page.until("document.readyState === 'complete'")
    check(page.js("document.querySelectorAll('input').length") > 0, f"{name} has sliders")
    blank = page.js("(b => { b.width = document.querySelector('canvas').width; b.height = document.querySelector('canvas').height;"
                    " return b.toDataURL() })(document.createElement('canvas'))")
    check(canvas(page) != blank, f"{name}: something is drawn")
    if shots: page.screenshot(Path(shots, f"{name}.png"))
    for number in range(page.js("document.querySelectorAll('input').length")):
        seen = []
        for end in ("min", "max"):
            set_to(page, number, end)
            seen.append(canvas(page))
        check(seen[0] != seen[1], f"{name}: the canvas follows slider {number}")
    check(not page.said, f"{name}: nothing is reported: {page.said}")

def framed(page, file, name):
    "As on a page of the site: in a frame that may run scripts and nothing else."
    page("Page.navigate", url=file.as_uri())
    page.until("document.readyState === 'complete' && document.querySelector('iframe').offsetHeight > 100")
    def variety():
        shot = base64.b64decode(page("Page.captureScreenshot", format="png")["data"])
        return np.asarray(Image.open(io.BytesIO(shot)).convert("L")).std()
    end = time.monotonic() + 60
    while (seen := variety()) < 1 and time.monotonic() < end: time.sleep(.2)
    check(seen >= 1, f"{name} in its frame: something is drawn")
    check(not page.said, f"{name} in its frame: nothing is reported: {page.said}")

chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not chromium: skipped("no Chromium")
given = sys.argv[1:]
shots = next((g for g in given if not g.endswith(".ipynb")), None)
notebooks = [Path(g) for g in given if g.endswith(".ipynb")] or sorted((root / "nbs").rglob("[!_.]*.ipynb"))
found = 0
with tempfile.TemporaryDirectory() as folder:
    page = Browser(chromium, folder, (800, 700))
    try:
        for notebook in notebooks:
            for number, frame in enumerate(stored(notebook)):
                name, file = f"{notebook.stem}-{number}", Path(folder, "page.html")
                file.write_text(html.unescape(re.search(r'srcdoc="(.*?)"></iframe>', frame, re.S)[1]), encoding="utf-8")
                tour(page, file, name, shots)
                file.write_text(f"<!doctype html>{frame}", encoding="utf-8")
                framed(page, file, name)
                found += 1
    finally: page.close()
check(found, "the notebooks have interactive figures")
print(f"{found} interactive figures")
