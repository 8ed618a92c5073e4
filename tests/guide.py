"""Reads the guide as its readers do: `guide.py links ROOT`, `guide.py run PAGE`, `guide.py labels PAGE FOLDER`.

A page is Markdown. Its blocks of `sh` are run in order, in one shell that ends where a command fails; a block of `sh fails`
is one command that has to be refused. A block of `json` or `text` after one is its answer: members that a JSON answer does
not name are not looked at, lines of a text have to come in this order, and `..` stands for whatever differs. Blocks of
anything else, such as `console`, are for people only.

Or it is a notebook: its cells are run in order, by the Python of PYTHON, and have to print what the notebook shows.
"""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt

PAGE_LIMIT_S = 180
# Where pages say that a lab is, and where it is now.
ADDRESSES = {
    "127.0.0.1:3012": os.environ.get("GUIDE_LAB"),
    "127.0.0.1:4012": os.environ.get("GUIDE_ADMIN"),
    "127.0.0.1:3013": os.environ.get("GUIDE_SECOND_LAB"),
    "127.0.0.1:4013": os.environ.get("GUIDE_SECOND_ADMIN"),
}
# What is no page of the repository.
NOT_OURS = {"target", "node_modules", ".venv", ".git", "dist"}


def here(text):
    for said, now in ADDRESSES.items():
        text = text.replace(said, now or said)
    return text


def tokens(path):
    return MarkdownIt("commonmark").enable("table").parse(path.read_text())


# --- Links


def words(inline):
    return "".join(child.content for child in inline.children or [] if child.type in ("text", "code_inline"))


def anchors(path):
    """What can be linked to in a page, as GitHub names it."""
    found, parsed = {}, tokens(path)
    for token, following in zip(parsed, parsed[1:]):
        if token.type == "heading_open":
            name = re.sub(r"[^\w\- ]", "", words(following).lower()).replace(" ", "-")
            found[name] = found.get(name, -1) + 1
            if found[name]:
                found[f"{name}-{found[name]}"] = 0
    return found


def targets(path):
    """Each link and picture of a page, with its line."""
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text())["cells"]
        parsed = MarkdownIt("commonmark").parse(
            "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        )
    else:
        parsed = tokens(path)
    for block in parsed:
        for child in block.children or []:
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield (block.map or [0])[0] + 1, str(target)


def links(root):
    pages = [
        page
        for kind in ("*.md", "*.ipynb")
        for page in sorted(root.rglob(kind))
        if not NOT_OURS & set(page.relative_to(root).parts)
    ]
    broken = []
    seen = 0
    for page in pages:
        for line, target in targets(page):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            seen += 1
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not file.exists():
                broken.append(f"{page}:{line}: there is no {target}")
            elif parts.fragment and file.suffix == ".md" and parts.fragment not in anchors(file):
                broken.append(f"{page}:{line}: {file.name} has no heading for #{parts.fragment}")
    if broken:
        sys.exit("\n".join(broken))
    print(f"{seen} links in {len(pages)} pages lead somewhere")


# --- Commands


def steps(path):
    """The blocks that are run: (line, command, whether it has to fail, answers)."""
    found = []
    for token in tokens(path):
        if token.type != "fence":
            continue
        info = token.info.strip()
        if info in ("sh", "sh fails"):
            found.append((token.map[0] + 2, here(token.content), info == "sh fails", []))
        elif info in ("json", "text") and found:
            found[-1][3].append((token.map[0] + 2, info, here(token.content)))
    return found


def run(path):
    found = steps(path)
    if not found:
        sys.exit(f"{path}: there is nothing to run")
    with tempfile.TemporaryDirectory() as folder:
        script = ["set -e -o pipefail"]
        for at, (_, command, fails, _) in enumerate(found):
            file = f"{folder}/{at}"
            Path(file).write_text(command)
            script.append(f"echo {at} >{folder}/at")
            said = f">{file}.said 2>&1"
            script.append(f"if . {file} {said}; then exit 99; fi" if fails else f". {file} {said}")
        code = in_shell("\n".join(script))
        last = int(Path(folder, "at").read_text())
        for at, (line, command, fails, answers) in enumerate(found[: last + 1]):
            said = Path(f"{folder}/{at}.said").read_text()
            if at == last and code:
                what = "was not refused" if fails else f"ended with {code}"
                sys.exit(f"{path}:{line}: this block {what}:\n{command}\nIt said:\n{said}")
            for wanted_line, kind, wanted in answers:
                fault = (differs_json if kind == "json" else differs_text)(wanted, said)
                if fault:
                    sys.exit(f"{path}:{wanted_line}: the answer is another, {fault}. It was:\n{said}")
    checked = sum(len(answers) for *_, answers in found)
    print(f"{path}: {len(found)} blocks, {checked} answers")


def in_shell(script):
    """How a shell ended; what it left running is ended too."""
    shell = subprocess.Popen(["bash", "-c", script], stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return shell.wait(PAGE_LIMIT_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)


def like(wanted, seen):
    return re.fullmatch(".*".join(map(re.escape, wanted.split(".."))), seen, re.S) is not None


def differs_text(wanted, said):
    lines = iter(said.splitlines())
    for line in wanted.splitlines():
        if not any(like(line.strip(), other.strip()) for other in lines):
            return f"it lacks `{line.strip()}`"
    return None


def differs_json(wanted, said):
    seen = None
    decoder, at = json.JSONDecoder(), 0
    # The last of what may be several.
    while (start := min((i for i in (said.find("{", at), said.find("[", at)) if i >= 0), default=-1)) >= 0:
        try:
            seen, at = decoder.raw_decode(said, start)
        except ValueError:
            at = start + 1
    if seen is None:
        return "it has no JSON"
    return differs(json.loads(wanted), seen, "")


def differs(wanted, seen, where):
    if isinstance(wanted, dict) and isinstance(seen, dict):
        for key, value in wanted.items():
            if key not in seen:
                return f"{where}.{key} is missing"
            if fault := differs(value, seen[key], f"{where}.{key}"):
                return fault
        return None
    if isinstance(wanted, list) and isinstance(seen, list):
        if wanted[-1:] == [".."]:
            wanted, seen = wanted[:-1], seen[: len(wanted) - 1]
        if len(wanted) != len(seen):
            return f"{where} has {len(seen)} entries"
        faults = (differs(one, other, f"{where}[{at}]") for at, (one, other) in enumerate(zip(wanted, seen)))
        return next(filter(None, faults), None)
    if isinstance(wanted, str) and isinstance(seen, str) and like(wanted, seen):
        return None
    return None if wanted == seen else f"{where} is {json.dumps(seen)}"


# --- The notebook

# Runs each cell that comes as a line of JSON in one namespace, and answers what it printed.
KERNEL = """
import contextlib, io, json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    printed, failed = io.StringIO(), False
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(json.loads(line), "<cell>", "exec"), names)
        except BaseException:
            failed = True
            print(traceback.format_exc())
    print(json.dumps([failed, printed.getvalue()]), flush=True)
"""


def notebook(path, rewrite):
    """Runs the cells. With `rewrite`, the notebook then shows what they printed; else it has to show it already."""
    read = json.loads(path.read_text())
    cells = [cell for cell in read["cells"] if cell["cell_type"] == "code"]
    sent = "".join(json.dumps(here("".join(cell["source"]))) + "\n" for cell in cells)
    python = os.environ["PYTHON"]
    done = subprocess.run(
        [python, "-c", KERNEL], input=sent, capture_output=True, text=True, timeout=PAGE_LIMIT_S, check=True
    )
    for nth, (cell, line) in enumerate(zip(cells, done.stdout.splitlines(), strict=True), 1):
        failed, printed = json.loads(line)
        shown = "".join(text for output in cell["outputs"] for text in output["text"])
        if failed:
            sys.exit(f"{path}: cell {nth} failed:\n{printed}")
        if rewrite:
            text = printed.splitlines(keepends=True)
            cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": text}] if text else []
            cell["execution_count"] = nth
        elif printed != shown:
            sys.exit(f"{path}: cell {nth} shows\n{shown}\nand printed\n{printed}")
    if rewrite:
        path.write_text(json.dumps(read, indent=1, ensure_ascii=False) + "\n")
    print(f"{path}: {len(cells)} cells")


# --- Words of the web app


def labels(path, folder):
    """That each label in italics on a page is among the web app's English words."""
    words = "\n".join(
        text for file in sorted(folder.rglob("words.en.json")) for text in map(str, json.loads(file.read_text()).values())
    )
    lost, seen = [], 0
    for token in tokens(path):
        label = None
        for child in token.children or []:
            if child.type == "em_open":
                label = ""
            elif child.type == "em_close":
                seen += 1
                if label not in words:
                    lost.append(f"{path}:{token.map[0] + 1}: the web app says nowhere “{label}”")
                label = None
            elif label is not None:
                label += " " if child.type == "softbreak" else child.content
    if lost:
        sys.exit("\n".join(lost))
    print(f"{path}: {seen} labels are the web app's")


match sys.argv[1:]:
    case ["links", root]:
        links(Path(root))
    case ["run", page] if page.endswith(".ipynb"):
        notebook(Path(page), rewrite=False)
    case ["rewrite", page]:
        notebook(Path(page), rewrite=True)
    case ["run", page]:
        run(Path(page))
    case ["labels", page, folder]:
        labels(Path(page), Path(folder))
    case _:
        sys.exit(__doc__)
