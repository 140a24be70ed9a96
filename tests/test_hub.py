"""Weights, card and model go to a hub by its own client."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from submission.cli import main
from submission.files import sha256_of
from submission.report.results import Result, write_result
from submission.scoring import Source, score_samples
from tests.model_hub import TOKEN, Hub, running_hub

# The client sends files in a way that its HTTP library would have changed.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights with their card, an experiment, and the client's settings for this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AICROWD_OUTPUT_PATH", str(tmp_path / "shared"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    # What the client reads from the environment when it is imported: no second kind of server.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    Path("own.safetensors").write_bytes(b"weights" * 100)
    Path("own.json").write_text(json.dumps({"sha256": sha256_of(Path("own.safetensors"))}))
    representation = tmp_path / "shared/run/representation"
    representation.mkdir(parents=True)
    (representation / "pytorch_model.pt").write_bytes(b"model" * 100)
    add_scores(representation)
    return tmp_path


def add_scores(representation: Path) -> None:
    """Writes scores of the model that is there."""
    factors = np.indices((3, 4)).reshape(2, -1).T
    scores = score_samples(factors * 1.0, factors, metrics=("mig",))
    made = sha256_of(representation / "pytorch_model.pt")
    result = Result(replace(scores, source=Source("toy", "", made, "")), (), {}, {}, {})
    write_result(result, representation / "scores.json")


def upload(*words: str) -> int:
    return main(["hub", "me/mine", "--weights", "own.safetensors", *words])


def test_the_files_arrive_and_replace_earlier_ones(
    hub: Hub,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert upload("run", "--endpoint", hub.address) == 0
    printed = capsys.readouterr()
    assert f"{hub.address}/me/mine" in printed.out
    assert TOKEN not in printed.out + printed.err
    assert hub.repositories["me/mine"]["visibility"] == "private"
    own = folder / "shared/run/representation"
    sent = (folder / "own.safetensors", folder / "own.json", *own.iterdir())
    assert hub.files == {path.name: path.read_bytes() for path in sent}
    (own / "pytorch_model.pt").write_bytes(b"another model")
    add_scores(own)
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)  # HF_ENDPOINT
    assert upload("run") == 0
    assert hub.files["pytorch_model.pt"] == b"another model"


@pytest.mark.usefixtures("folder")
def test_a_new_repository_is_public_if_asked_for(hub: Hub) -> None:
    assert upload("--endpoint", hub.address, "--public") == 0
    assert hub.repositories["me/mine"]["visibility"] == "public"
    assert hub.files.keys() == {"own.safetensors", "own.json"}


def line_of(capsys: pytest.CaptureFixture[str]) -> str:
    """Gives the one line of an error, beside which the client has drawn its bars."""
    lines = capsys.readouterr().err.splitlines()
    (line,) = [line for line in lines if line.startswith("error: ")]
    return line


@pytest.mark.usefixtures("folder")
def test_what_the_hub_refuses_is_one_line(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_another")
    assert upload("--endpoint", hub.address) == 1
    line = line_of(capsys)
    assert "status 401" in line
    assert hub.address in line
    assert "hf_of_another" not in line
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.has_room = False
    assert upload("--endpoint", hub.address) == 1
    line = line_of(capsys)
    assert "status 403" in line
    assert "secret" not in line
    assert not hub.files


@pytest.mark.parametrize(
    ("repository", "endpoint", "token", "told"),
    [
        ("me/mine", "http://127.0.0.1:9", TOKEN, "ConnectError"),
        ("me/mine", "127.0.0.1", TOKEN, "--endpoint"),
        ("me/mine", "http://me:secret@127.0.0.1", TOKEN, "password"),
        ("me/my/own", "http://127.0.0.1:9", TOKEN, "user/name"),
        ("me/mine", "http://127.0.0.1:9", "", "hf auth login"),
        ("me/mine", "http://127.0.0.1:9", "a secret", "HF_TOKEN"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_mistake_is_one_line_without_secrets(
    repository: str,
    endpoint: str,
    token: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    words = ("--weights", "own.safetensors", "--endpoint", endpoint)
    assert main(["hub", repository, *words]) == 1
    line = line_of(capsys)
    assert told in line
    assert "secret" not in line


@pytest.mark.usefixtures("folder")
def test_files_are_checked_before_anything_is_sent(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upload("none", "--endpoint", hub.address) == 1
    assert "pytorch_model.pt" in line_of(capsys)
    Path("own.safetensors").write_bytes(b"other")
    assert upload("--endpoint", hub.address) == 1
    assert "own.json" in line_of(capsys)
    assert not hub.repositories


def test_scores_of_a_model_that_was_replaced_are_not_sent(
    hub: Hub, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = folder / "shared/run/representation"
    (own / "pytorch_model.pt").write_bytes(b"another model")
    assert upload("run", "--endpoint", hub.address) == 1
    line = line_of(capsys)
    assert str(own / "scores.json") in line
    assert "local_evaluation.py" in line
    assert not hub.repositories
    (own / "scores.json").rename(own / "scores of an earlier model.json")
    assert upload("run", "--endpoint", hub.address) == 0
    assert hub.files.keys() == {"own.safetensors", "own.json", "pytorch_model.pt"}


@pytest.mark.usefixtures("folder")
def test_scores_of_an_earlier_model_are_deleted_at_the_hub(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.files = dict.fromkeys(("scores_seed_2.json", "scores.json", "scores of x.json"), b"{}")
    assert upload("--endpoint", hub.address) == 0
    assert "scores_seed_2.json" in hub.files  # weights alone say nothing of a model
    assert upload("run", "--endpoint", hub.address) == 0
    scores = {name: content for name, content in hub.files.items() if name.startswith("scores")}
    assert scores.keys() == {"scores.json", "scores of x.json"}
    assert scores["scores.json"] != b"{}"
    assert "deleting scores_seed_2.json from me/mine" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("weights", [".", "/"])
def test_a_folder_is_no_weights(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hub", "me/mine", "--weights", weights]) == 1
    assert f"expected {weights} to upload" in line_of(capsys)
