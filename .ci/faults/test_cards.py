"""The page of a run, the way to the hub, the cost beforehand, the alarm on the way."""
import json, shutil
from pathlib import Path
import huggingface_hub as hub, pytest
from conftest import TINY, write_pictures
from creps import train
from creps.alarm import troubles
from creps.card import MARK, push, write_card
from creps.checkpoint import load_settings
from creps.settings import Settings

small = dict(resolution=16, batch=8, channel_base=256, channel_max=16, d_channel_base=256, d_channel_max=16,
             biline_channels=4, z_dim=16, w_dim=16, device="cpu", progress=False)

@pytest.fixture
def run(trained, here): return Path(shutil.copytree(trained, "r"))

THERE = "https://huggingface.co/some/body/commit/1"

class Shelf:
    "A hub of this process."
    def create_repo(self, repo, **how): self.repo = repo
    def create_commit(self, repo, operations, commit_message):
        self.files = {o.path_in_repo: o.path_or_fileobj for o in operations}
        return hub.CommitInfo(commit_url=THERE, commit_message="", commit_description="", oid="1")

def test_every_run_has_its_page(run):
    page = (run / "README.md").read_text()
    newest = sorted(p.name for p in (run / "sheets").glob("0*.png"))[-1]
    assert f"](sheets/{newest})" in page and "license: unknown" in page and "16 pictures of `d`" in page and "--channel-base 256" in page
    assert str(run.resolve().parent) not in page

def test_a_metric_is_on_the_page(here, creps):
    for count, beside in ((32, False), (64, True)):   # a floor needs twice as many real pictures
        write_pictures("d", count)
        assert creps("train", "--data", "d", "--out", f"r{count}", *TINY, "--kimg", .02, "--metric", "swd").rc == 0
        page = Path(f"r{count}/README.md").read_text()
        assert "| swd |" in page and "type: swd" in page and ("| floor |" in page) == beside and "type: swd_floor" not in page

def test_a_licence_and_an_own_page_outlive_a_snapshot(run, creps):
    path, words = run / "README.md", ["train", "--data", "d", "--out", run, *TINY, "--resume", "latest"]
    path.write_text(path.read_text().replace("license: unknown", "license: cc0-1.0"))
    assert creps(*words, "--kimg", .07).rc == 0 and "license: cc0-1.0" in path.read_text() and "70 pictures" not in path.read_text()
    path.write_text("mine")
    assert creps(*words, "--kimg", .09).rc == 0 and path.read_text() == "mine" and not write_card(run)

def test_push_sends_what_belongs_to_the_network(run):
    shelf = Shelf()
    assert push(run, "some/body", license="mit", api=shelf) == THERE and shelf.repo == "some/body"
    sheets = [name for name in shelf.files if name.startswith("sheets/")]
    assert set(shelf.files) == {"README.md", "config.json", "model.safetensors", *sheets} and len(sheets) == 2
    assert b"license: mit" in shelf.files["README.md"] and MARK.encode() in shelf.files["README.md"]

def test_push_without_a_token_sends_nothing(run, creps, monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    monkeypatch.setattr("huggingface_hub.HfApi", lambda *a, **k: pytest.fail("the hub was asked"))
    told = creps("push", run, "some/body")
    assert told.rc == 2 and "token" in told.said and len(told.err.strip().splitlines()) == 1, told

@pytest.mark.parametrize("words, word", [(("r", "nobody"), "owner/name"), (("nowhere", "a/b"), "no such folder"), (("d", "a/b"), "config.json"), (("r", "a/b", "--license", "do what you like"), "licence")])
def test_push_refuses(words, word, run, creps, monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi", lambda *a, **k: pytest.fail("the hub was asked"))
    told = creps("push", *words)
    assert told.rc == 2 and word in told.said and len(told.err.strip().splitlines()) == 1, told

def test_a_hub_that_says_no(run, creps, monkeypatch):
    class Closed(Shelf):
        def create_repo(self, repo, **how): raise RuntimeError("403 Forbidden\nRequest ID: 1")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_x")
    monkeypatch.setattr("huggingface_hub.HfApi", Closed)
    told = creps("push", run, "some/body")
    assert told.rc == 2 and "403 Forbidden" in told.said and len(told.err.strip().splitlines()) == 1, told

def test_a_dry_run_says_hours_and_writes_nothing(here, creps, monkeypatch):
    told = creps("train", "--data", "d", "--out", "r", *TINY, "--kimg", 100, "--augment", "ada", "--dry-run")
    line = told.out.splitlines()[-1]
    assert told.rc == 0 and line.startswith("time: about") and "for 100 kimg" in line and not Path("r").exists(), told
    monkeypatch.setattr("creps.budget.available_memory", lambda: 2**20)
    told = creps("train", "--data", "d", "--out", "r", *TINY, "--dry-run")
    assert told.rc == 0 and "not measured, for only 1 MB" in told.out, told

def row(kimg, **values): return dict(kimg=kimg) | values

@pytest.mark.parametrize("rows, word", [
    ([row(k, sign_real=.99, sign_fake=-.99) for k in range(1, 5)], "--augment ada"),
    ([row(k, spread=s) for k, s in ((10, .8), (20, .9), (30, .2))], "go on from an earlier checkpoint"),
    ([row(k, spread=.05) for k in (10, 20)], "begin anew"),
    ([row(k, grad_G=2.) for k in range(1, 9)] + [row(k, grad_G=900.) for k in range(9, 12)], "gradients of G have grown"),
    ([row(k, grad_D=2.) for k in range(1, 9)] + [row(k, grad_D=.001) for k in range(9, 12)], "gradients of D have died away")])
def test_an_alarm_for_each_trouble(rows, word):
    (said,) = troubles(rows, Settings(resolution=16).complete()).values()
    assert word in said and "\n" not in said
    assert not troubles(rows[:1], Settings(resolution=16).complete())

def test_an_alarm_is_said_once_and_noted(here, capsys, monkeypatch):
    def step(self, state, settings, batch, split):
        import torch
        state.step, state.images = state.step + 1, state.images + settings.batch
        return dict(sign_real=torch.tensor(1.), sign_fake=torch.tensor(-1.), nonfinite=torch.tensor(0.))
    monkeypatch.setattr("creps.step.TrainingStep.__call__", step)
    train.fit("d", "r", kimg=6., **small)
    events = [json.loads(line) for line in Path("r/log.jsonl").read_text().splitlines()]
    (alarm,) = [event for event in events if event.get("event") == "alarm"]
    assert "--augment ada" in alarm["said"] and alarm["kimg"] == 3 and capsys.readouterr().out.count("D is certain") == 1
    train.fit("d", "r", kimg=7., resume="latest", **small)
    assert load_settings("r").kimg == 7
