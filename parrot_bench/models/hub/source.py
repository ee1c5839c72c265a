"""Find and check Hugging Face models: what all methods share.

A model is a folder in the layout of the Hugging Face hub, local or in the hub's cache. Its weights
come from safetensors and its own Python code is not run, unless the user says otherwise.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from parrot_bench.digests import file_digest, listing_digest
from parrot_bench.errors import ParrotError
from parrot_bench.models.options import DEFAULT, ModelOptions

PREFIX = "hf:"
TOKENIZERS = ("tokenizer.json", "vocab*", "*.model", "*.spm", "*.tiktoken", "tekken.json")
"""Files that hold a vocabulary: transformers would build an empty one without any of them."""
FILES = (
    "config.json",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_*_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    "chat_template*",
    "generation_config.json",
    *TOKENIZERS,
)
"""Files that make the answers: these are downloaded and digested."""
MODULE_FOLDER = "[0-9]*_*"
"""Subfolders of the sentence-transformers layout, such as `1_Pooling`."""
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True, slots=True)
class Source:
    """A model that was found, before it is loaded.

    Attributes:
        spec: How it was named on the command line.
        name: "hf:" and the hub id, or the last part of a local folder's path.
        folder: Folder that holds it.
        transformer: Folder of the transformer itself, which may be a subfolder.
        revision: Commit of a hub model; empty for a local folder.
        config: The transformer's config.json.
        modules: Entries of modules.json; empty where it is no sentence-transformers model.
        pickled: Whether its weights come from pickled files.
    """

    spec: str
    name: str
    folder: Path
    transformer: Path
    revision: str
    config: dict[str, Any]
    modules: tuple[dict[str, Any], ...]
    pickled: bool = False

    @property
    def public_spec(self) -> str:
        """The spec without a path of this machine: local folders go by their name."""
        return self.spec if self.revision else self.name

    @property
    def architecture(self) -> str:
        """Class name of the saved network; empty where the config names none."""
        return str((self.config.get("architectures") or [""])[0])


def resolve(spec: str, options: ModelOptions = DEFAULT) -> Source:
    """Find the model that `hf:NAME[@revision]` names; downloads a hub model if need be.

    A NAME that is an existing folder is that folder, whatever it looks like.

    Args:
        spec: The model.
        options: Whether pickled weights and the model's own code are trusted.

    Raises:
        ParrotError: If there is no such model, it cannot be reached, or its folder lacks parts.
    """
    text = spec.removeprefix(PREFIX)
    name, _, revision = text.partition("@")
    local, before = Path(text).expanduser(), Path(text.rpartition("@")[0]).expanduser()
    if text and local.is_dir():
        return _inspect(spec, PREFIX + _folder_name(local.resolve()), local, "", options)
    if text.rpartition("@")[0] and before.is_dir():
        raise ParrotError(
            f"Model '{spec}': {before} is a local folder, which has no revisions; "
            "leave out what follows the last '@'."
        )
    if not name or text.startswith((".", "/", "~")) or "\\" in text or name.count("/") > 1:
        raise ParrotError(
            f"Model '{spec}': there is no such folder; name an existing folder or a hub model, "
            "as in hf:sentence-transformers/LaBSE."
        )
    folder = _download(name, revision, options)
    return _inspect(spec, PREFIX + name, folder, folder.name, options)


def _folder_name(folder: Path) -> str:
    """Last part of a path, with the one before it where the last alone says nothing."""
    telling = folder.name not in ("checkpoint", "hf", "model", "models", "snapshot", "weights")
    return folder.name if telling else f"{folder.parent.name}/{folder.name}"


def _download(name: str, revision: str, options: ModelOptions) -> Path:
    """The snapshot of a hub model; its folder is called by the commit."""
    from huggingface_hub import errors, snapshot_download

    files = [*FILES, *_trusted(options)]
    wanted = [*files, *(f"{MODULE_FOLDER}/{each}" for each in files)]
    others = ["[!0-9]*/*", "consolidated*"]
    # The first that fits: a gated model is also one that is not found.
    sentences = {
        errors.GatedRepoError: (
            f" is gated: accept its terms at https://huggingface.co/{name}, "
            "then log in with 'hf auth login'."
        ),
        errors.RepositoryNotFoundError: (
            ": the hub has no such public model; check the spelling, or log in with "
            "'hf auth login' if it is private."
        ),
        errors.RevisionNotFoundError: (
            f" has no revision '{revision}'; name a branch, a tag or a commit."
        ),
        errors.HFValidationError: (
            ": this is neither a folder here nor a hub id such as sentence-transformers/LaBSE."
        ),
        Exception: (
            f"{f' at revision {revision!r}' if revision else ''} is not in the local cache and "
            "the hub cannot be reached; connect, or copy the model here and name its folder."
        ),
    }
    try:
        with quiet():
            found = snapshot_download(
                name, revision=revision or None, allow_patterns=wanted, ignore_patterns=others
            )
    except Exception as error:  # a proxy, a full disk, a broken connection: many libraries' errors
        sentence = next(text for kind, text in sentences.items() if isinstance(error, kind))
        raise ParrotError(f"Model '{PREFIX}{name}'{sentence}") from error
    return Path(found)


def _trusted(options: ModelOptions) -> list[str]:
    """Files that are read only where the user trusts them."""
    pickles = [*PICKLES, "*.bin.index.json"] if options.allow_pickle else []
    return [*pickles, *(["*.py"] if options.trust_remote_code else [])]


def _inspect(spec: str, name: str, folder: Path, revision: str, options: ModelOptions) -> Source:
    """Check that a folder holds all parts of a model."""
    at = f"Model '{spec}'"
    modules: tuple[dict[str, Any], ...] = ()
    transformer = folder
    if (folder / "modules.json").is_file():
        listed = read_json(folder / "modules.json", at, list)
        if not listed or not all(isinstance(each, dict) and "type" in each for each in listed):
            raise ParrotError(f"{at}: {folder / 'modules.json'} lists no modules.")
        modules = tuple(listed)
        transformer = folder / str(modules[0].get("path", ""))
    if not (transformer / "config.json").is_file():
        raise ParrotError(
            f"{at}: {transformer} holds no config.json, so it is no model folder; "
            "name the folder that save_pretrained wrote."
        )
    config = read_json(transformer / "config.json", at, dict)
    held = [path.name for path in transformer.iterdir()]
    pickled = not _any(held, ("*.safetensors",))
    pickle = next((each for each in sorted(held) if _any([each], PICKLES)), None)
    if pickled and pickle is None:
        raise ParrotError(
            f"{at}: it has no safetensors weights; convert its weights with save_pretrained."
        )
    if pickled and not options.allow_pickle:
        raise ParrotError(
            f"{at}: its weights are pickled ({pickle}), which could run code when loaded; "
            "convert them with save_pretrained, which writes safetensors, or give --allow-pickle "
            "if you trust them."
        )
    if not _any(held, TOKENIZERS):
        raise ParrotError(
            f"{at}: {transformer} holds no tokenizer (tokenizer.json or a vocabulary); "
            "save the tokenizer beside the model."
        )
    return Source(spec, name, folder, transformer, revision, config, modules, pickled)


def _any(names: list[str], patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for name in names for pattern in patterns)


def read_json(path: Path, at: str, kind: type) -> Any:
    """Contents of a JSON file of a model.

    Args:
        path: The file.
        at: Start of the error's sentence: which model.
        kind: What must stand at its top, dict or list.

    Raises:
        ParrotError: If the file cannot be read as that.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ParrotError(
            f"{at}: {path} is not readable as JSON; copy or download it again."
        ) from error
    if not isinstance(found, kind):
        raise ParrotError(f"{at}: {path} holds something else than a JSON {kind.__name__}.")
    return found


def output_names(source: Source) -> tuple[str, ...]:
    """Names of a classifier's outputs, in order; as transformers calls them where none is named."""
    named = source.config.get("id2label")
    if isinstance(named, dict) and named and all(str(key).isdigit() for key in named):
        return tuple(str(named[key]) for key in sorted(named, key=int))
    number = source.config.get("num_labels")
    return tuple(f"LABEL_{i}" for i in range(number if isinstance(number, int) else 2))


def digest(source: Source) -> str:
    """SHA-256 over names and contents of the weight, config, tokenizer and code files.

    It is that of the lines that `sha256sum` prints for these files, sorted by name. What a file's
    content hashes to is remembered by its path, size and time, since weights are large.
    """
    folder = source.folder
    wanted = (*FILES, "*.py", *(PICKLES if source.pickled else ()))
    found = [
        (path.relative_to(folder).as_posix(), file_digest(path))
        for path in (*folder.iterdir(), *folder.glob(f"{MODULE_FOLDER}/*"))
        if path.is_file() and _any([path.name], wanted)
    ]
    return listing_digest(found)


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars, warnings or load reports of the libraries inside; restored afterwards."""
    import transformers
    from huggingface_hub.utils.tqdm import disable_progress_bars

    logging: Any = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with warnings.catch_warnings(), disable_progress_bars():
        warnings.simplefilter("ignore")
        logging.set_verbosity(logging.CRITICAL)
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()
