"""Tiny random models, laid out like those of the hub, and small tasks to ask them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.scoring.metrics.label_sets import Accuracy
from parrot_bench.task.card import Kind, Measure, Task
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace

SENTENCES = (
    "CT of the chest: lungs clear, no pleural effusion.",
    "Röntgen des Knies, kein Erguss, keine Fraktur.",
    "USG jamy brzusznej, złóg w pęcherzyku żółciowym.",
    "MRI of the head: no bleeding, ventricles of normal size.",
    "Name the region of the body. The labels are: chest, knee, head, abdomen. Report: Answer:",
)
WORDS = " ".join(SENTENCES).split()


def long_text(words: int) -> str:
    """A text of so many words."""
    return " ".join(WORDS[i % len(WORDS)] for i in range(words))


def make_item(report_id: str, text: str) -> Item:
    """An item without gold."""
    return Item(report_id, text, (), "en", "author", "en")


@pytest.fixture
def items() -> list[Item]:
    """Five items of very different lengths, not sorted, the second one blank."""
    lengths = (9, 0, 60, 3, 25)
    return [make_item(f"r{i}", long_text(n) or " \n") for i, n in enumerate(lengths)]


@pytest.fixture
def space() -> LabelSpace:
    """Four labels."""
    return LabelSpace(
        [
            Label("chest", "lungs, pleura and heart"),
            Label("knee", "the joint and the bones around it"),
            Label("head", "brain and skull"),
            Label("abdomen", "organs below the diaphragm, such as liver, gallbladder and bowel"),
        ]
    )


@pytest.fixture
def make_task(space: LabelSpace) -> Callable[[Kind], Task]:
    """Makes a task of a kind."""

    def make(kind: Kind) -> Task:
        return Task(
            name="region",
            version="1",
            title="Name the region of the body.",
            kind=kind,
            labels=lambda corpus: space,
            gold=lambda report: ("chest",),
            without_gold="Nothing happens.",
            measures=(Measure("accuracy", Accuracy()),),
            headline="accuracy",
            answer_key="region",
        )

    return make


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty hub cache and no network; returns the cache."""
    import huggingface_hub.constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def save_wordpiece(folder: Path) -> None:
    """A WordPiece tokenizer with BERT's special tokens."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import PreTrainedTokenizerFast

    trained = BertWordPieceTokenizer(lowercase=True)
    trained.train_from_iterator(SENTENCES * 3, vocab_size=300, show_progress=False)
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("unk", "pad", "cls", "sep", "mask")
    }
    PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, model_max_length=64, **special
    ).save_pretrained(folder)
    # A trained WordPiece puts no special tokens around a text by itself.
    written = json.loads((folder / "tokenizer.json").read_text())
    ids = {t: trained.token_to_id(t) for t in ("[CLS]", "[SEP]")}
    written["post_processor"] = {
        "type": "BertProcessing",
        "sep": ["[SEP]", ids["[SEP]"]],
        "cls": ["[CLS]", ids["[CLS]"]],
    }
    (folder / "tokenizer.json").write_text(json.dumps(written))


def save_bpe(folder: Path) -> None:
    """A byte-level BPE tokenizer without special tokens around a text, like GPT-2's."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        SENTENCES * 3, vocab_size=320, special_tokens=["<|end|>"], show_progress=False
    )
    special = dict.fromkeys(("bos_token", "eos_token"), "<|end|>")
    PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, **special).save_pretrained(folder)


def save_sentencepiece(
    folder: Path,
    tokenizer_class: str,
    file: str,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> None:
    """A SentencePiece model as older hub models carry it, without tokenizer.json."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 5),
        model_writer=written,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
        **options,
    )
    (folder / file).write_bytes(written.getvalue())
    config = {"tokenizer_class": tokenizer_class, "add_bos_token": True, **(settings or {})}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def save_network(folder: Path, network: Any) -> None:
    """Save a network whose weights are random but large enough to tell texts apart."""
    import torch

    from parrot_bench.models.hub.source import quiet

    torch.manual_seed(20260801)
    for weights in network.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.2)
    with quiet():
        network.save_pretrained(folder)


SIZE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": 500,
}


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain encoder with a WordPiece tokenizer; 64 positions."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    save_wordpiece(folder)
    save_network(folder, BertModel(BertConfig(**SIZE, max_position_embeddings=64)))
    return folder


@pytest.fixture(scope="session")
def classifier_folder(
    tmp_path_factory: pytest.TempPathFactory, bert_folder: Path, xlmr_folder: Path
) -> Callable[..., Path]:
    """Makes a classifier of a shape with named outputs; it takes 298 tokens.

    Shapes are "bert", "xlmr" and "roberta", the first and the last with a WordPiece tokenizer.
    """
    import shutil

    import transformers

    def save(shape: str, outputs: tuple[str, ...], **config: Any) -> Path:
        folder = tmp_path_factory.mktemp(f"{shape}-classifier")
        source = xlmr_folder if shape == "xlmr" else bert_folder
        for path in source.iterdir():
            if "token" in path.name or "sentencepiece" in path.name:
                shutil.copy(path, folder)
        named = {
            "id2label": dict(enumerate(outputs)),
            "label2id": {name: i for i, name in enumerate(outputs)},
        }
        kind = {"bert": "Bert", "xlmr": "XLMRoberta", "roberta": "Roberta"}[shape]
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        settings["model_max_length"] = 298
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        size = {**SIZE, "max_position_embeddings": 298 if shape == "bert" else 300}
        # WordPiece gives token types; XLM-RoBERTa's own tokenizer gives none.
        more = {"type_vocab_size": 2, "pad_token_id": 0 if shape == "bert" else 1}
        made = getattr(transformers, f"{kind}Config")(**size, **more, **named, **config)
        save_network(folder, getattr(transformers, f"{kind}ForSequenceClassification")(made))
        return folder

    return save


@pytest.fixture(scope="session")
def xlmr_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """XLM-RoBERTa's shape: a SentencePiece vocabulary, 66 positions of which it can use 64."""
    from transformers import XLMRobertaConfig, XLMRobertaModel

    folder = tmp_path_factory.mktemp("xlmr")
    save_sentencepiece(
        folder, "XLMRobertaTokenizer", "sentencepiece.bpe.model", model_type="unigram"
    )
    config = XLMRobertaConfig(**SIZE, max_position_embeddings=66, pad_token_id=1)
    save_network(folder, XLMRobertaModel(config))
    return folder


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 with a byte-level BPE and a context of 700 tokens."""
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("gpt2")
    save_bpe(folder)
    config = GPT2Config(
        vocab_size=320, n_embd=32, n_layer=2, n_head=4, n_positions=700, bos_token_id=0
    )
    save_network(folder, GPT2LMHeadModel(config))
    return folder


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with a SentencePiece tokenizer that puts a BOS before a text."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("llama")
    save_sentencepiece(
        folder,
        "LlamaTokenizer",
        "tokenizer.model",
        model_type="bpe",
        vocab_size=400,
        byte_fallback=True,
    )
    config = LlamaConfig(**SIZE, num_key_value_heads=2, max_position_embeddings=600)
    save_network(folder, LlamaForCausalLM(config))
    return folder


@pytest.fixture(scope="session")
def sliding_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Mistral whose attention sees eight tokens back."""
    from transformers import MistralConfig, MistralForCausalLM

    folder = tmp_path_factory.mktemp("mistral")
    save_bpe(folder)
    config = MistralConfig(
        **SIZE, num_key_value_heads=2, head_dim=8, sliding_window=8, max_position_embeddings=600
    )
    save_network(folder, MistralForCausalLM(config))
    return folder


@pytest.fixture(scope="session")
def gemma_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gemma 3's shape: every other layer sees 16 tokens back, a SentencePiece tokenizer, a BOS."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    folder = tmp_path_factory.mktemp("gemma")
    ids = {"pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3}
    save_sentencepiece(
        folder,
        "GemmaTokenizer",
        "tokenizer.model",
        {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"},
        model_type="bpe",
        vocab_size=400,
        byte_fallback=True,
        bos_piece="<bos>",
        eos_piece="<eos>",
        **ids,
    )
    config = Gemma3TextConfig(
        **SIZE,
        num_key_value_heads=2,
        head_dim=8,
        sliding_window=16,
        layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=900,
    )
    save_network(folder, Gemma3ForCausalLM(config))
    return folder


def save_t5(folder: Path, network_class: str) -> Path:
    """An encoder-decoder of T5's shape, with its SentencePiece tokenizer."""
    import transformers

    save_sentencepiece(
        folder,
        "T5Tokenizer",
        "spiece.model",
        {"extra_ids": 0},
        model_type="unigram",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
    )
    make: Any = getattr(transformers, network_class)
    config = make.config_class(
        vocab_size=500,
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=0,
    )
    save_network(folder, make(config))
    return folder


@pytest.fixture(scope="session")
def t5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 with a SentencePiece tokenizer; nothing limits its context."""
    return save_t5(tmp_path_factory.mktemp("t5"), "T5ForConditionalGeneration")


@pytest.fixture(scope="session")
def mt5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of mT5's shape."""
    return save_t5(tmp_path_factory.mktemp("mt5"), "MT5ForConditionalGeneration")


@pytest.fixture(scope="session")
def bart_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BART with a byte-level BPE and 700 positions."""
    from transformers import BartConfig, BartForConditionalGeneration

    folder = tmp_path_factory.mktemp("bart")
    save_bpe(folder)
    config = BartConfig(
        vocab_size=320,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=700,
        decoder_start_token_id=0,
        bos_token_id=0,
        pad_token_id=0,
        eos_token_id=0,
    )
    save_network(folder, BartForConditionalGeneration(config))
    return folder


@pytest.fixture(scope="session")
def paired_classifier(
    tmp_path_factory: pytest.TempPathFactory, bart_folder: Path, mt5_folder: Path
) -> Callable[..., Path]:
    """Makes an encoder-decoder with a classification head; "bart" or "mt5"; takes 298 tokens."""
    import shutil

    import transformers

    def save(shape: str, outputs: tuple[str, ...]) -> Path:
        folder = tmp_path_factory.mktemp(f"{shape}-classifier")
        source = {"bart": bart_folder, "mt5": mt5_folder}[shape]
        for path in source.iterdir():
            if "token" in path.name or "spiece" in path.name:
                shutil.copy(path, folder)
        named: dict[str, Any] = {
            "id2label": dict(enumerate(outputs)),
            "label2id": {name: i for i, name in enumerate(outputs)},
        }
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        settings["model_max_length"] = 298
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        if shape == "bart":
            # As BART has it: an end after the first text, and two around the second.
            written = json.loads((folder / "tokenizer.json").read_text())
            end = ["<|end|>", 0]
            written["post_processor"] = {"type": "RobertaProcessing", "sep": end, "cls": end}
            written["post_processor"] |= {"trim_offsets": True, "add_prefix_space": False}
            (folder / "tokenizer.json").write_text(json.dumps(written))
            named["pad_token_id"] = 5
        made = transformers.AutoConfig.from_pretrained(source, **named)
        network: Any = transformers.AutoModelForSequenceClassification
        save_network(folder, network.from_config(made))
        return folder

    return save


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Copies a model folder, to be damaged."""
    import shutil

    def copy(folder: Path) -> Path:
        return Path(shutil.copytree(folder, tmp_path / folder.name))

    return copy


@pytest.fixture
def declare() -> Callable[..., Path]:
    """Writes the files of the sentence-transformers layout beside a model."""

    def write(folder: Path, pooling: dict[str, Any], **files: dict[str, Any]) -> Path:
        kinds = ("Transformer", "Pooling", "Normalize")
        paths = ("", "1_Pooling", "2_Normalize")
        modules = [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(zip(kinds, paths, strict=True))
        ]
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "1_Pooling").mkdir(exist_ok=True)
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
        for name, content in files.items():
            (folder / f"{name}.json").write_text(json.dumps(content))
        return folder

    return write
