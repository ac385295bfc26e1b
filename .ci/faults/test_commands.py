"""What else failed at the commands: pipes, letters, environment, memory, the hub, files."""
import shutil, urllib.request
import pytest, torch
from pathlib import Path
from conftest import write_pictures
from huggingface_hub import errors
from creps import Generator, generator
from creps.core import out_of_memory
from creps.viewer import serve

def test_head_ends_quietly(shell):
    told = shell("creps info scenery-64 | head -1 >/dev/null; echo rc=${PIPESTATUS[0]}; creps --help | head -1 >/dev/null; echo rc=${PIPESTATUS[0]}")
    assert told.out.split() == ["rc=0", "rc=0"] and not told.err, told

def test_a_training_whose_reader_has_gone(here, shell):
    told = shell("{ creps train --data d --out r $T --kimg .02; echo $? >rc; } 2>err | true; cat rc; ls r", cwd=str(here))
    assert told.out.split()[0] == "0" and "model.safetensors" in told.out and "Broken" not in (here / "err").read_text(), told

@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_letters_that_stdout_lacks(encoding, here, shell):
    shutil.move(here / "d", here / "дані")
    told = shell("creps train --data дані --out мережа $T --kimg .02 >out && cat out", cwd=str(here), PYTHONIOENCODING=encoding)
    assert told.rc == 0 and (here / "мережа" / "model.safetensors").exists() and "\\u043c" in told.out, told

def test_rank_alone_silences_nothing(here, creps, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert "nowhere" in creps("info", "nowhere").err

def test_a_cache_is_not_compulsory(here, trained, creps, monkeypatch):
    monkeypatch.setenv("HOME", "/proc/none")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    write_pictures("d", 32)
    told = creps("evaluate", trained, "--data", "d", "--samples", 32)
    assert told.rc == 0 and "swd" in told.out and "not kept" in told.err, told

@pytest.mark.parametrize("metric, pictures, word", [("fid", 32, "Inception"), ("scenery-kid", 32, "1000"), ("lite1-frechet", 31, "at least 32"), ("beauty", 32, "beauty")])
def test_a_metric_that_cannot_be_computed(metric, pictures, word, here, creps, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(here / "no weights"))
    write_pictures("d", pictures)
    told = creps("train", "--data", "d", "--out", "r", "--resolution", 16, "--batch", 8, "--device", "cpu", "--kimg", .02, "--metric", metric)
    assert told.rc == 2 and "--metric" in told.said and word in told.said and not Path("r").exists(), told

def test_a_metric_of_pictures_that_are_too_narrow(here, creps):
    write_pictures("d", 32)
    told = creps("train", "--data", "d", "--out", "r", "--resolution", 16, "--shape", "4x16", "--device", "cpu", "--kimg", .02, "--metric", "swd")
    assert told.rc == 2 and "7 x 7" in told.said and not Path("r").exists(), told

def test_evaluate_refuses_beforehand(here, trained, creps, monkeypatch):
    monkeypatch.setattr("creps.distributions.evaluate", lambda *a, **k: pytest.fail("it has begun"))
    assert "1000" in creps("evaluate", trained, "--data", "d", "--metrics", "scenery-kid").said
    assert "there are 16" in creps("evaluate", trained, "--data", "d", "--samples", 8, "--reals", 17).said
    for few in ((), ("--samples", 3), ("--metrics", "swd", "--samples", 3)):
        told = creps("evaluate", trained, "--data", "d", *few)
        assert told.rc == 2 and "at least 32 pictures" in told.said and len(told.err.splitlines()) == 1, told

def test_evaluate_takes_max_bad(here, trained, creps):
    write_pictures("d", 32)
    for name in "xy": Path("d", f"{name}.png").write_text(name)
    words = "evaluate", trained, "--data", "d", "--samples", 32, "--metrics", "swd"
    assert creps(*words).rc == 2 and creps(*words, "--max-bad", .2).rc == 0

def test_resume_names_its_flag(here, creps):
    told = creps("train", "--data", "d", "--out", "r", "--resume", "nothing.safetensors")
    assert told.rc == 2 and "--resume" in told.said and "nothing.safetensors" in told.said and not Path("r").exists()

def test_a_damaged_network_draws_nothing(here, trained, creps):
    from safetensors.torch import load_file, save_file
    shutil.copytree(trained, "m")
    weights = load_file("m/model.safetensors")
    weights["synthesis.pixels.to_rgb.bias"][:] = float("nan")
    save_file(weights, "m/model.safetensors")
    told = creps("generate", "m", "--seeds", 0, "--grid", "g.png")
    assert told.rc == 2 and "finite" in told.said and not Path("g.png").exists()

# memory

@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 1073741824 bytes."),
    RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)")])
@pytest.mark.parametrize("line, remedies", [("train --data d --out r --resolution 16 --device cpu", ("--batch-device",)),
    ("generate scenery-64 --grid g.png", ("--size", "render")), ("render scenery-64 --out g.png", ("--max-memory", "--size"))])
def test_memory_that_does_not_suffice(error, line, remedies, here, creps, monkeypatch):
    assert out_of_memory(error)
    def work(*a, **k): raise error
    monkeypatch.setattr("creps.step.TrainingStep.__call__", work)
    monkeypatch.setattr("creps.cli.render", work)
    told = creps(*line.split())
    assert told.rc == 2 and "Traceback" not in told.err and all(r in told.said for r in remedies), told

def test_other_errors_stay_errors(here, creps, monkeypatch):
    def work(*a, **k): raise RuntimeError("a fault of ours")
    monkeypatch.setattr("creps.cli.render", work)
    with pytest.raises(RuntimeError, match="ours"): creps("render", "scenery-64", "--out", "g.png")

def test_a_picture_larger_than_memory(here, creps):
    told = creps("generate", "scenery-64", "--seeds", 0, "--size", 3_000_000, "--grid", "g.png")
    assert told.rc == 2 and "render" in told.said and not Path("g.png").exists(), told

# the hub

@pytest.fixture
def hub(trained, monkeypatch):
    "A hub that can be reached and holds one network under any name; returns what it was asked for."
    asked = []
    def download(repo, name, **how):
        asked.append((repo, name, how))
        return str(trained / name)
    monkeypatch.setattr(generator, "hf_hub_download", download)
    monkeypatch.setattr(generator, "_hub_answers", lambda: True)
    return asked

def test_a_revision_from_the_hub(hub):
    Generator.from_pretrained("owner/name", revision="v2", token="t", cache_dir="c")
    assert [n for _, n, _ in hub] == ["config.json", "model.safetensors"]
    assert all((r, h["revision"], h["token"], h["cache_dir"]) == ("owner/name", "v2", "t", "c") for r, _, h in hub)
    assert not any(h["local_files_only"] for *_, h in hub)

def test_only_what_is_there(hub):
    Generator.from_pretrained("owner/name", local_files_only=True)
    assert all(h["local_files_only"] for *_, h in hub)

def test_a_folder_that_is_not_there_waits_for_no_hub(here, creps, monkeypatch):
    class Away:
        def head(self, *a, **k): raise OSError("no network")
    def download(repo, name, local_files_only=False, **how):
        assert local_files_only, "that tries again for half a minute"
        raise errors.LocalEntryNotFoundError("not there")
    monkeypatch.setattr(generator, "get_session", Away)
    monkeypatch.setattr(generator, "hf_hub_download", download)
    told = creps("info", "runs/foo")
    assert told.rc == 2 and "runs/foo" in told.said and "no such folder" in told.said

# where output goes

@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_full_disk_under_stdout(buffered, here, shell):
    told = shell("creps train --data d --out r $T --kimg .02 >/dev/full", cwd=str(here), PYTHONUNBUFFERED=buffered)
    assert told.rc == 2 and "No space left" in told.err and "Traceback" not in told.err and (here / "r" / "model.safetensors").exists(), told

def test_an_address_of_ipv6():
    try: server = serve("scenery-64", "::1")
    except ValueError as e:   # a machine without IPv6
        assert "--host" in str(e)
        return
    try: assert "[::1]" in server.url and urllib.request.urlopen(server.url).status == 200
    finally: server.close()
