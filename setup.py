"Everything is said in settings.ini; this only reads it."
import re
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup

here = Path(__file__).parent
readme = here / "README.md"   # made from a notebook, by tools of the extra `dev`
ini = ConfigParser()
ini.read(here / "settings.ini", encoding="utf-8")
cfg = ini["DEFAULT"]

extras = {name: cfg[f"{name}_requirements"].split() for name in cfg["extras"].split()}
extras["notebooks"] += sorted({r for name in extras.keys() - {"notebooks", "docs"} for r in extras[name]})   # each notebook runs with these
# `dev` is the tools and every other extra
extras["dev"] = cfg["dev_requirements"].split() + sorted({r for rs in extras.values() for r in rs})

def absolute(text):
    "The README away from its repository: relative links lead back to it."
    text = re.sub(r'(!\[[^]]*\]\(|<img src=")(?!\w+:)', rf'\g<1>{cfg["git_url"]}/raw/{cfg["branch"]}/', text)
    return re.sub(r'(\]\()(?!\w+:|#)', rf'\g<1>{cfg["git_url"]}/blob/{cfg["branch"]}/', text)

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=absolute(readme.read_text(encoding="utf-8")) if readme.exists() else cfg["description"],
    long_description_content_type="text/markdown",
    keywords=cfg["keywords"],
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    project_urls={"Changelog": f'{cfg["git_url"]}/blob/{cfg["branch"]}/CHANGELOG.md'},
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    classifiers=["Development Status :: 3 - Alpha", "Intended Audience :: Developers", "Intended Audience :: Science/Research",
                 "Natural Language :: English", "Topic :: Scientific/Engineering :: Artificial Intelligence"]
                + [f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)],
    packages=[cfg["lib_path"]],
    package_data={cfg["lib_path"]: ["py.typed", "**/*.json", "**/*.safetensors", "models/*/README.md", "*.js", "*.css"]},
    python_requires=f'>={cfg["min_python"]}',
    install_requires=cfg["requirements"].split(),
    extras_require=extras,
    entry_points={"console_scripts": cfg["console_scripts"].split(),
                  "nbdev": [f'{cfg["lib_name"]} = {cfg["lib_path"]}._modidx:d']},
    zip_safe=False,
)
