"""A tiny model for runs that are cut off."""

from tests.models.conftest import bert_folder

__all__ = ["bert_folder"]
