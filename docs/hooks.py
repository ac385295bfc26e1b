"What mkdocs is told, see mkdocs.yml: the pages that docs/pages.py has written, their order, and formulas set while building."
import json, re, subprocess, tempfile
from html import unescape
from pathlib import Path
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
import pages
from pages import cfg, blob, kept, nbs, root, KATEX

def on_config(config):
    config.site_url = config.site_url or f'{cfg["doc_host"]}{cfg["doc_baseurl"]}/'
    config.site_description, config.copyright = cfg["description"], f'{cfg["copyright"]}. Apache-2.0.'
    config.extra["social"] = [{"icon": "material/source-branch", "link": cfg["git_url"], "name": "the source"}]   # repo_url would ask GitHub for stars at each visit
    config.nav = pages.nav()

def on_files(files, config):
    "All that is on disk, but what mkdocs has from `docs_dir` already."
    with tempfile.TemporaryDirectory() as tmp:
        try: pages.write(Path(tmp))
        except pages.PageError as e: raise PluginError(str(e)) from None
        for p in sorted(Path(tmp).rglob("*.*")):
            uri = p.relative_to(tmp).as_posix()
            if uri != "nav.json" and not files.get_file_from_path(uri): files.append(File.generated(config, uri, content=p.read_bytes()))

def on_pre_page(page, config, files):
    "The eye at the top right shows the source."
    p = nbs / page.file.src_uri.replace(".md", ".ipynb")
    page.edit_url = f"{blob}/{p.relative_to(root).as_posix()}" if p.exists() else None
    return page

def on_page_content(html, page, config, files):
    "Formulas are set here, not in the visitor's browser. A formula that cannot be set stops the build."
    found = re.findall(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', html, flags=re.S)
    if not found: return html
    js = f"const k = require({json.dumps(str(kept / f'katex-{KATEX}/katex.min.js'))}); console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(0)).map(([t, d]) => k.renderToString(t, {{displayMode: d}}))))"
    got = subprocess.run(["node", "-e", js], input=json.dumps([[unescape(t), kind == "["] for _, kind, t in found]), capture_output=True, text=True)
    if got.returncode: raise PluginError(f"{page.file.src_uri}: {(re.findall('.*Error: .*', got.stderr) or [got.stderr])[0][:400]}")
    done = iter(json.loads(got.stdout))
    return re.sub(r'<(span|div) class="arithmatex">.*?</\1>', lambda m: f'<{m[1]} class="arithmatex" data-search-exclude>{next(done)}</{m[1]}>', html, flags=re.S)
