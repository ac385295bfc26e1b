"""Values that make no sense, for every option of every command: refused in one line that names the flag, before any work."""
import argparse
import pytest
from creps import cli

FREE = {"data", "out", "init", "resume", "model", "run", "official", "host", "cache", "weights", "lpips_weights", "results", "runs", "ws", "mask", "pictures"}  # any word can be meant
SIGNED = {"seed", "trunc", "angle", "angle_to", "ada_target"}   # may be negative
NONE_OF_IT = SIGNED | {"keep", "gamma", "freeze_d", "max_bad", "r1_interval", "pl_interval", "pl_weight", "port", "draw_up_to", "labels", "label",
                       "augment", "seeds", "center", "beta2", "burn_in", "gamma_start", "beta2_start", "ema_kimg_start", "augment_start", "license", "octaves", "octave_kimg", "steps"}  # may be zero

def work(**arguments): raise AssertionError(f"it has begun, with {arguments}")

def below(parser, words=()):
    "(words before the options, parser) of each command."
    subs = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not subs: yield words, parser
    for name, p in (subs[0].choices if subs else {}).items(): yield from below(p, (*words, name))

IDLE = cli.parser()
COMMANDS = dict(below(IDLE))
for p in COMMANDS.values(): p.set_defaults(action=work)
OPTIONS = [pytest.param(words, a, id=f"{'-'.join(words)}-{a.dest}") for words, p in COMMANDS.items() for a in p._actions
           if a.nargs != 0 and not isinstance(a, argparse.BooleanOptionalAction)]

def line(words, parser, but, value):
    "A command with this value for the option `but`, and with what it needs beside it."
    fine, given = dict(out="x.onnx" if words == ("export",) else "x.png", repo="x/x"), [*words]
    for a in parser._actions:
        flag = a.option_strings[-1:]
        if a is but: given.append(f"{flag[0]}={value}" if flag else value)
        elif a.required or not flag: given += [*flag, fine.get(a.dest, "x")]
    return given

def bad_values(action):
    numeric = any(action.type and fails(action.type, w) is None for w in ("7",)) and fails(action.type, "word")
    yield from ("", " ")
    if action.dest not in FREE: yield "?!"
    if numeric: yield from ("nan", "inf", "-inf", "1e999")
    if action.dest not in FREE | SIGNED | {"center"}: yield "-1"
    if action.dest not in FREE | NONE_OF_IT: yield "0"

def fails(convert, word):
    try: convert(word)
    except argparse.ArgumentTypeError as e: return str(e)

@pytest.mark.parametrize("words, action", OPTIONS)
def test_refused(words, action, creps, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "parser", lambda: IDLE)
    monkeypatch.setattr(cli, "together", work)
    parser = COMMANDS[words]
    for value in bad_values(action):
        flag = action.option_strings[-1] if action.option_strings else None
        told = creps(*line(words, parser, action, value))
        assert told.rc == 2 and len(told.err.strip().splitlines()) == 1, (words, flag, value, told)
        assert (flag or action.dest.upper()) in told.err, (value, told.err)

def test_all_options_are_walked():
    dests = [(w, a.dest) for w, p in COMMANDS.items() for a in p._actions]
    assert len(OPTIONS) > 120 and (("train",), "kimg") in dests and (("bench", "step"), "repeats") in dests

@pytest.mark.parametrize("line", ["generate scenery-64 --seeds 0 --size 16 --grid g.png --center -3,-3", "generate scenery-64 --seeds 0 --size 16 --grid g.png --angle -30",
                                  "render scenery-64 --size 16 --out g.png --center -.5,1e0 --trunc -.5", "render scenery-64 --size 16 --out g.png --seed -7"])
def test_negative_numbers_need_no_equals_sign(line, here, creps):
    assert creps(*line.split()).rc == 0 and (here / "g.png").exists()

def test_grid_is_a_png_or_refused(here, creps):
    told = creps("generate", "scenery-64", "--seeds", 0, "--grid", "g.jpg")
    assert told.rc == 2 and "--grid" in told.err and not (here / "g.jpg").exists()

@pytest.mark.parametrize("seeds", ["0-99999999999", "9-3", "1-2-3", "nan"])
def test_seeds(seeds, here, creps): assert "--seeds" in creps("generate", "scenery-64", "--seeds", seeds, "--grid", "g.png").said
