"""`dlrun publish`: the folder of each kind of model, used without its run and without its data."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.safe_yaml import read_yaml
from dlrun.data.files.paths import locate
from dlrun.storage.sealed import sealed_manifest
from tests.docs.sample_files import write_sample_files

Dlrun = Callable[..., tuple[int, str, str]]
ShortRun = Callable[..., Path]

FAST = (
    "trainer.max_steps=3",
    "dataset.baselines=false",
    "device=cpu",
    "device.threads=1",
    "--quiet",
    "hydra.run.dir=run",
)
KINDS = {
    "several targets": (
        "dataset=table", "dataset.path=example:people.csv", "dataset.target=[renewed,age]", "dataset.limit=200",
    ),
    "numbers": ("dataset=iris", "model=linear"),
    "a text": ("dataset=text", "dataset.path=example:reviews.csv", "dataset.limit=100"),
    "images": ("dataset=image_folder", "dataset.path=IMAGES", "model=cnn"),
    "audio": ("dataset=audio_folder", "dataset.path=AUDIO", "model=linear"),
    "a series": (
        "dataset=series", "dataset.path=example:weather.csv", "dataset.target=temperature", "dataset.limit=400",
    ),
    "a language model": (
        "dataset=text", "dataset.task=language", "dataset.path=example:gpl3_text.txt", "dataset.tokenizer=characters",
        "model=rnn", "model.hidden=8",
    ),
    "ratings": ("dataset=interactions", "dataset.path=example:ratings.csv", "model=factorization"),
    "arrays": ("dataset=arrays", "dataset.path=FILE.npz", "model=mlp"),
    "a GAN": ("dataset=digits", "model=gan", "dataset.limit=60"),
}  # fmt: skip
EVALUATED = ("numbers", "a series", "images")  # whose data is found again in three ways
TAGS = {
    "several targets": "tabular-classification",
    "numbers": "tabular-classification",
    "a text": "text-classification",
    "images": "image-classification",
    "audio": "audio-classification",
    "a series": "time-series-forecasting",
    "a language model": "text-generation",
    "ratings": None,
    "arrays": "tabular-classification",
    "a GAN": "unconditional-image-generation",
}


def inputs_of(kind: str) -> list[str]:
    """Return what `dlrun predict` is given after the folder, for a model of a kind."""
    return {
        "several targets": [str(locate("example:people.csv"))],
        "numbers": ["new.csv"],
        "a text": [str(locate("example:reviews.csv"))],
        "images": ["IMAGES/cat"],
        "audio": ["AUDIO/low"],
        "a series": [str(locate("example:weather.csv")), "--future"],
        "a language model": ["--prompt", "Everyone is", "--length", "5", "--temperature", "0"],
        "ratings": [str(locate("example:ratings.csv"))],
        "arrays": ["NEW.npy"],
    }[kind]


def read_card(text: str) -> dict[str, object]:
    """Return the front matter of a card."""
    Path("front.yaml").write_text(text.split("---\n")[1])
    return read_yaml(Path("front.yaml"))


def listed(folder: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((folder / "manifest.json").read_text())["files"]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_predicts_from_its_folder_as_its_run_does(
    kind: str, dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample_files(own_folder)
    Path("new.csv").write_text("a,b,c,d\n5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n")
    code, _, err = dlrun(*KINDS[kind], *FAST)
    assert code == 0, err
    own = None if kind == "a GAN" else dlrun("predict", "run", *inputs_of(kind))[1]
    code, out, err = dlrun("publish", "run", "--to", "model")
    assert (code, out) == (0, "model\n"), err
    assert "notice: README.md has 3 places that only you can fill, each after AUTHOR\n" in err
    result = json.loads(Path("run/result.json").read_text())
    shutil.rmtree("run")
    folder = Path("model")
    for name, entry in listed(folder).items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == entry["sha256"]
    text = (folder / "README.md").read_text()
    card = read_card(text)
    assert card.get("pipeline_tag") == TAGS[kind]
    assert f"| fingerprint | {result['dataset']['fingerprint']} |" in text
    everything = b"".join(path.read_bytes() for path in folder.iterdir() if path.suffix != ".safetensors").decode(
        errors="replace"
    )
    assert str(own_folder) not in everything
    if kind == "a GAN":
        assert (folder / "samples.png").read_bytes().startswith(b"\x89PNG")
        code, out, err = dlrun("predict", "model", "new.csv")
        assert (code, "This model generates samples and predicts nothing" in err) == (2, True)
        return
    code, out, err = dlrun("predict", "model", *inputs_of(kind), "device=cpu")
    assert (code, out) == (0, own), err
    if kind not in EVALUATED:
        return
    code, out, err = dlrun("eval", "model", "--json", *(words for words in KINDS[kind] if "path=" in words))
    assert code == 0, err
    metrics = {name: value for name, value in result["metrics"].items() if name.startswith("test/")}
    assert json.loads(out) == pytest.approx(metrics, rel=1e-4)


def test_an_own_table_stays_at_home(short_run: ShortRun, dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "private").mkdir()
    table = own_folder / "private" / "customers.csv"
    shutil.copy(locate("example:people.csv"), table)
    words = ("dataset=table", f"dataset.path={table}", "dataset.target=renewed", "trainer.max_steps=5", "model=mlp")
    short_run("mine", *words, "seed=3")
    code, _, err = dlrun("publish", "mine", "--to", "model")
    assert code == 0, err
    assert "notice: left out dataset.path: the file is outside the current folder" in err
    assert "categories, identifiers and names of columns, which predicting needs: look at them before others do" in err
    for path in Path("model").iterdir():
        assert str(own_folder).encode() not in path.read_bytes(), path
    config = read_yaml(Path("model/config.yaml"))
    assert (config["dataset"]["path"], config["seed"], config["device"]["threads"]) == ("???", 3, "auto")
    assert read_yaml(Path("model/recipe.yaml"))["recipe"]["measured"]
    assert read_card(Path("model/README.md").read_text())["pipeline_tag"] == "tabular-classification"
    own = dlrun("predict", "mine", str(table), "--probabilities")
    assert dlrun("predict", "model", str(table), "--probabilities", "device=cpu") == own
    assert own[0] == 0
    code, _, err = dlrun("eval", "model")
    assert code == 3
    assert "A published model has no data in its folder. Name the file or folder with the data: dataset.path=..." in err
    assert dlrun("eval", "model", f"dataset.path={table}")[0] == 0
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-100]))
    code, _, err = dlrun("eval", "model", f"dataset.path={table}")
    assert (code, "the data is not what this run was trained on" in err) == (5, True)


PLUGIN = """\
from torch import nn


def tiny(spec, *, width: int = 4, api_key: str = ""):
    '''Mine.'''
    return nn.Sequential(nn.Linear(spec.num_features, width), nn.ReLU(), nn.Linear(width, spec.num_outputs))
"""


def test_a_plugin_is_named_and_neither_carried_nor_run(short_run: ShortRun, dlrun: Dlrun) -> None:
    Path("tiny.py").write_text(PLUGIN)
    Path("new.csv").write_text("a,b,c,d\n5.1,3.5,1.4,0.2\n")
    given = ("--plugin", "tiny.py")
    short_run("mine", *given, "model=tiny", "model.width=5")
    code, _, err = dlrun("publish", "mine", "--to", "model")
    assert (code, "This run used the plugin tiny.py: add --plugin FILE." in err) == (2, True)
    code, _, err = dlrun("publish", "mine", "--to", "model", *given)
    assert code == 0, err
    assert "notice: it needs the plugin tiny.py, which is not in the folder" in err
    digest = hashlib.sha256(PLUGIN.encode()).hexdigest()
    assert f"- the plugin tiny&#46;py, SHA-256 {digest}" in Path("model/README.md").read_text()
    assert not list(Path("model").glob("*.py"))
    shutil.copy("tiny.py", "model/tiny.py")
    code, _, err = dlrun("predict", "model", "new.csv")
    assert (code, "This run used the plugin tiny.py: add --plugin FILE." in err) == (2, True)
    code, _, err = dlrun("predict", "model", "new.csv", *given)
    assert (code, err) == (0, "")
    Path("tiny.py").write_text(f"# another\n{PLUGIN}")
    code, _, err = dlrun("predict", "model", "new.csv", *given)
    assert code == 0
    assert "notice: tiny.py is not the plugin that this model was published with (its SHA-256 differs)." in err
    code, _, err = dlrun("publish", "mine", "--to", "again", *given)
    assert code == 2
    assert "The plugin tiny.py has changed since this run. Train again, and publish that run." in err


def test_what_cannot_be_published(short_run: ShortRun, dlrun: Dlrun) -> None:
    folder = short_run("mine")

    def refused(*words: str) -> str:
        code, out, err = dlrun("publish", *words)
        assert (code, out) == (2, "")
        assert not Path("model").exists()
        return err

    assert "Expected where to publish: --to FOLDER, or --to hf://OWNER/NAME." in refused("mine")
    assert "--public\n      It has a meaning only together with --to hf://" in refused("mine", "--to=model", "--public")
    assert "--rows\n      It has a meaning only together with --export." in refused("mine", "--to=model", "--rows", "x")
    assert "It exists and is not an empty folder; nothing is replaced." in refused("mine", "--to", "mine")
    assert "There is no run in this folder" in refused("nothing", "--to", "model")
    Path("sweep").mkdir()
    Path("sweep/sweep.jsonl").write_text("")
    assert "This is a sweep; publish the run of one of its points." in refused("sweep", "--to", "model")
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "status": "interrupted"}))
    assert "Only a completed run is published; this one is interrupted. dlrun resume" in refused("mine", "--to=model")
    (folder / "result.json").write_text(json.dumps(result))
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("batch_size: 32", "batch_size: 16"))
    assert "config.yaml is not the configuration that was measured" in refused("mine", "--to=model")


def test_without_a_promise_the_configuration_repeats_it(short_run: ShortRun, dlrun: Dlrun) -> None:
    path = short_run("mine") / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "metrics": {}}))
    code, _, err = dlrun("publish", "mine", "--to", "model")
    assert code == 0, err
    assert "notice: there is no recipe.yaml, for no held-out metric was measured; config.yaml repeats" in err
    assert not Path("model/recipe.yaml").exists()
    assert "dlrun recipe=./config.yaml\n" in Path("model/README.md").read_text()
    code, _, err = dlrun("recipe=./model/config.yaml", "trainer.max_steps=1", "-q")
    assert code == 0, err


@pytest.fixture
def model(short_run: ShortRun, dlrun: Dlrun) -> Path:
    """A published linear model on iris."""
    short_run("mine")
    Path("new.csv").write_text("a,b,c,d\n5.1,3.5,1.4,0.2\n")
    assert dlrun("publish", "mine", "--to", "model", "-q")[0] == 0
    return Path("model")


def reseal(folder: Path, name: str, content: bytes) -> None:
    """Change a file and give it a manifest that fits, as somebody who knows the format would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]
    (folder / name).write_bytes(content)
    manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "manifest.json").write_bytes(sealed_manifest(manifest))


def test_verbs_that_need_a_training_say_so(model: Path, dlrun: Dlrun) -> None:
    before = sorted(path.name for path in model.iterdir())
    for verb in ("resume", "clean", "replay", "share"):
        code, _, err = dlrun(verb, "model")
        assert code == 2
        assert f"This is a published model: it has no state of a training, which `dlrun {verb}` needs." in err
    code, _, err = dlrun("publish", "model", "--to", "again")
    assert (code, "which `dlrun publish` needs" in err) == (2, True)
    assert sorted(path.name for path in model.iterdir()) == before
    code, _, err = dlrun("verify", "model/recipe.yaml", "--quick", "device=cpu", "device.threads=1")
    assert code == 0, err


def test_a_strangers_folder_reaches_nothing_else(model: Path, dlrun: Dlrun, own_folder: Path) -> None:
    """Each is what somebody who knows the format could write; the manifest fits."""
    whole = (model / "config.yaml").read_text()
    (own_folder / "evil.py").write_text("open('ran', 'w').close()\n")
    attacks = {
        whole.replace("name: iris", "name: table, path: /etc/passwd, target: x"): "A recipe can name only files below",
        whole.replace("name: iris", "name: table, path: new.csv, target: x"): "A published model names no file",
        whole.replace("format: 1", "format: 1, extends: 'https://evil.example/x@sha256:0'"): "it has no such key",
        whole.replace("name: linear", "name: evil.run"): "evil.run",
        whole.replace("name: linear", "name: linear, _target_: os.system"): "data, never code",
        f"{whole}\nhydra: {{searchpath: ['file://{own_folder}']}}\n": "A recipe cannot set Hydra's own configuration",
        f"{whole}\nx: !!python/object/apply:os.system [touch ran]\n": "tags (tag:yaml.org,2002:python",
    }
    for text, message in attacks.items():
        assert text != whole, message
        reseal(model, "config.yaml", text.encode())
        code, out, err = dlrun("predict", "model", "new.csv")
        assert (code, out) == (2, ""), message
        assert message in err
    reseal(model, "config.yaml", whole.encode())
    assert dlrun("predict", "model", "new.csv")[0] == 0
    values = json.loads((model / "model.json").read_text())
    values["about"]["dataset"] = "evil"
    values["about"]["encoder"] = {}
    reseal(model, "model.json", json.dumps(values).encode())
    assert dlrun("predict", "model", "new.csv")[0] in (2, 5)
    assert not Path("ran").exists()


def test_a_damaged_folder_and_one_of_links(model: Path, dlrun: Dlrun) -> None:
    weights = model / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    code, _, err = dlrun("predict", "model", "new.csv")
    assert (code, "model.safetensors: damaged: its SHA-256 does not match the manifest." in err) == (5, True)
    weights.rename("blob")
    weights.symlink_to("../blob")
    code, _, err = dlrun("predict", "model", "new.csv")
    assert (code, "hf download OWNER/NAME --local-dir FOLDER" in err) == (5, True)


def test_onnx_is_beside_it_if_asked(short_run: ShortRun, dlrun: Dlrun) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="the extra `export` is not installed")
    short_run("mine")
    code, _, err = dlrun("publish", "mine", "--to", "model", "--export", "onnx")
    assert code == 0, err
    about = json.loads(Path("model/model.onnx.json").read_text())
    assert about["file"]["sha256"] == listed(Path("model"))["model.onnx"]["sha256"]
    assert "`model.onnx` is the same model for other programs" in Path("model/README.md").read_text()


def test_the_hub_gets_the_folder(model: Path, dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import SimpleNamespace

    seen: dict[str, object] = {}

    def upload(folder: Path, repository: str, *, public: bool) -> str:
        seen.update(names=sorted(path.name for path in folder.iterdir()), repository=repository, public=public)
        seen["card"] = (folder / "README.md").read_text()
        return f"https://hub.example/{repository}"

    monkeypatch.setattr("dlrun.runs.publish.hub.upload", upload)
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace())  # type: ignore[arg-type]
    code, out, err = dlrun("publish", "mine", "--to", "hf://me/iris-linear", "--public", "-q")
    assert (code, out, err) == (0, "https://hub.example/me/iris-linear\n", "")
    assert seen["names"] == sorted(path.name for path in model.iterdir())
    assert (seen["repository"], seen["public"]) == ("me/iris-linear", True)
    assert "hf download me/iris-linear --local-dir iris-linear\n" in str(seen["card"])
