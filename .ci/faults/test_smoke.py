"""The fixtures themselves."""
from safetensors.torch import load_file

def test_a_tiny_run(trained):
    assert load_file(trained / "model.safetensors")

def test_a_mistake_is_one_line(here, creps):
    done = creps("generate", "nowhere", "--grid", "g.png")
    assert done.rc == 2 and len(done.err.strip().splitlines()) == 1 and "nowhere" in done.err
