"""The exercises of all notebooks on one page: what is asked, and a link to the place where it can be done."""
import os, re
import notebooks

NUMBERED = re.compile(r"(?m)^\*\*(\d+)\.\*\*[ \t]*")
ABOUT = """# Exercises

> Every exercise of the book, by part, with the place where it can be done.

{many} exercises in {books} notebooks. {checked} of them have a function to fill in and a check that says at once whether it is right;
the others are marked with a star. A number leads to the exercise. Open its notebook (on the page, the badge at the top opens it in Colab), and run the cells above it first.
"""

def tasks(path):
    "(number, text, whether there is a check) of each exercise of a notebook."
    seen, found = False, []
    for c in notebooks.cells(path):
        source = notebooks.text(c["source"])
        if c["cell_type"] == "markdown":
            seen = seen or source.startswith("## Exercises")
            if not seen: continue
            _, *pieces = NUMBERED.split(source)
            for number, text in zip(pieces[::2], pieces[1::2]):
                found.append([int(number), re.sub(r"(?s)<details.*?</details>", "", text).strip(), False])
        elif found and re.search(r"(?m)^check\(", source): found[-1][2] = True
    return found

def anchored(markdown):
    "The text of a notebook's exercises, in which each of them can be linked to."
    return NUMBERED.sub(lambda m: f'<span id="exercise-{m[1]}"></span>{m[0]}', markdown)

def from_top(markdown, folder):
    "Links as they are from the top of the site, in text that stands in one of its folders."
    def move(m): return m[1] + os.path.normpath(os.path.join(folder, m[2])).replace(os.sep, "/")
    return re.sub(r"(\]\()(?![a-z]+:|#|/)([^)\s]+)", move, markdown)

def page(
    books,  # (heading, [(title, path of the notebook, address of its page)]) of each part
    words,  # (Markdown, path of its notebook) -> the same with the site's links
):
    "Markdown of the page."
    parts, all_tasks, count = [], [], 0
    for heading, chapter in books:
        lines = []
        for title, path, address in chapter:
            if not (here := tasks(path)): continue
            all_tasks, count = all_tasks + here, count + 1
            lines.append(f"### [{title}]({address})")
            for number, text, checked in here:
                star = "" if checked else "\\*"
                asked = from_top(words(text, path), os.path.dirname(address))
                lines.append(f"[**{number}.**]({address}#exercise-{number}){star} {asked}")
        if lines: parts += [f"## {heading}", *lines]
    about = ABOUT.format(many=len(all_tasks), books=count, checked=sum(checked for *_, checked in all_tasks))
    return "\n\n".join([about, *parts]) + "\n"
