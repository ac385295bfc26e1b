"""What a training must not do on other devices: wake another process's GPU up, reseed, round penalties, upload from a second thread."""
import threading
from dataclasses import replace
from unittest.mock import patch
import numpy as np, pytest, torch
from creps import data, device, losses, processes, tiles
from creps.generator import Generator
from creps.settings import Settings
from creps.step import TrainingStep

small = dict(batch=4, channel_base=256, channel_max=16, d_channel_base=512, d_channel_max=16)

@pytest.fixture
def state_and_settings():
    settings = Settings(resolution=16, precision="tf32", **small).complete()
    return TrainingStep().begin(settings, "cpu"), settings

def test_each_process_takes_its_own_gpu(monkeypatch):
    taken = []
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch, "zeros", lambda *size, device: taken.append(device))
    assert device.pick_device() == torch.device("cuda", 2)
    assert taken == [torch.device("cuda", 2)] * 2, "the device is set before anything is put there"

def test_new_networks_touch_nobodys_random_numbers(monkeypatch):
    settings = Settings(resolution=16, **small).complete()
    def reseeds(seed): raise AssertionError("reseeds all devices")
    monkeypatch.setattr(torch, "manual_seed", reseeds)
    before = torch.get_rng_state()
    G, _ = TrainingStep().networks(settings)
    assert torch.equal(torch.get_rng_state(), before)
    again, _ = TrainingStep().networks(settings)
    assert all(torch.equal(a, b) for a, b in zip(G.state_dict().values(), again.state_dict().values()))

def test_penalties_are_exact(state_and_settings):
    state, settings = state_and_settings
    seen = {}
    def noting(name, f):
        def noted(*args, **kwargs):
            seen.setdefault(name, set()).add((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))
            return f(*args, **kwargs)
        return noted
    names = ("generator", "discriminator", "r1", "path_length")
    patches = [patch.object(losses, n, noting(n, getattr(losses, n))) for n in names]
    outside = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    for p in patches: p.start()
    try: TrainingStep()(state, replace(settings, r1_interval=1, pl_interval=1), (torch.zeros(4, 3, 16, 16), None, None))
    finally:
        for p in patches: p.stop()
    assert seen == dict(generator={(True, True)}, discriminator={(True, True)}, r1={(False, False)}, path_length={(False, False)})
    assert outside == (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)

def test_pictures_are_uploaded_by_the_thread_that_trains():
    class Grey:
        def batch(self, indices):
            assert threading.current_thread() is not threading.main_thread()
            return np.zeros((len(indices), 8, 8, 3), np.uint8), np.zeros((len(indices), 0), np.float32)
    threads = []
    def noted(x, where):
        threads.append(threading.current_thread())
        return x
    with patch.object(data, "upload", noted):
        stream = data.batches(Grey(), data.Sampler(8, 4))
        assert next(stream)[0].shape == (4, 3, 8, 8)
        stream.close()
    assert threads == [threading.main_thread()] * 2

def test_others_wait_while_one_measures(monkeypatch):
    accelerate = pytest.importorskip("accelerate")
    given = {}
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(accelerate, "Accelerator", lambda **kwargs: given.update(kwargs))
    processes.accelerator_for(torch.device("cpu"))
    patience, = given["kwargs_handlers"]
    assert patience.timeout.total_seconds() >= 6 * 3600, "a metric over 50,000 pictures takes hours on a slow machine"

def test_bands_computed_again_leave_the_same_gradients():
    S = Generator(16, channel_base=128, channel_max=16, z_dim=8, w_dim=8, mapping_layers=1).synthesis
    ws = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(0))
    def gradients(again):
        images = tiles.draw(S, ws, step=3, again=again)
        return torch.autograd.grad(images.square().sum(), list(S.parameters()))
    for a, b in zip(gradients(False), gradients(True)): torch.testing.assert_close(a, b)
    with patch.object(tiles, "spare_memory", lambda device: 1 << 20): assert tiles.plan(S, 8, 256, 256, "cuda")[1]
    with patch.object(tiles, "spare_memory", lambda device: 1 << 40): assert tiles.plan(S, 8, 256, 256, "cuda") == (256, False)
