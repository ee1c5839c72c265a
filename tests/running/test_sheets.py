"""What is asked: each thing once, and only what makes sense."""

from __future__ import annotations

import pytest

from parrot_bench.corpus import load_corpus
from parrot_bench.errors import ParrotError
from parrot_bench.models.baselines.named import load_baseline
from parrot_bench.running.sheets import Settings, sheets_for
from parrot_bench.task.registry import get_task, get_tasks


def test_views_and_languages_stand_once_in_the_order_given():
    settings = Settings(
        views=("translation", "original", "translation"), languages=("pl", "German", "Polish")
    )
    assert settings.views == ("translation", "original")
    assert settings.languages == ("pl", "de")


def test_tasks_stand_once_in_the_order_given():
    tasks = get_tasks(["region", "modality", get_task("region"), "modality"])
    assert [task.name for task in tasks] == ["region", "modality"]
    assert get_tasks("region") == get_tasks(tasks[0]) == tasks[:1]


def test_two_different_tasks_of_one_name_are_refused():
    from dataclasses import replace

    with pytest.raises(ParrotError, match="Two different tasks are called 'region'"):
        get_tasks(["region", replace(get_task("region"), version="9")])
    with pytest.raises(ParrotError, match="A task or its name was expected, not a int"):
        get_tasks([7])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seed": -1}, "--seed is -1; a whole number of at least 0"),
        ({"languages": ()}, "No language is given"),
        ({"views": ()}, "No text view is given"),
        ({"views": ("originel",)}, "did you mean 'original'"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_once(options, sentence):
    with pytest.raises(ParrotError, match=sentence):
        Settings(**options)


def test_masking_without_a_task_that_names_its_label_is_refused():
    with pytest.raises(ParrotError, match=r"--mask-modality: .* labels of region, icd_coding"):
        sheets_for(
            load_baseline("majority"),
            get_tasks(["region", "icd_coding"]),
            load_corpus("mini"),
            Settings(mask_modality=True),
        )


def test_a_text_that_a_task_does_not_take_is_said(tmp_path):
    from dataclasses import replace

    task = replace(get_task("region"), views=("original",))
    settings = Settings(views=("original", "translation"))
    sheets, refused = sheets_for(load_baseline("majority"), [task], load_corpus("mini"), settings)
    assert [sheet.variant for sheet in sheets] == ["original"]
    assert refused == {"region/translation": "the task is not asked about this text."}
