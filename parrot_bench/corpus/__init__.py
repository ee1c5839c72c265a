"""The corpus: reading, vocabularies, errata and quality of radiology reports."""

from parrot_bench.corpus.corpus import Corpus
from parrot_bench.corpus.forms.records import Finding
from parrot_bench.corpus.loading import load_corpus, stream_reports
from parrot_bench.corpus.report import TEXT_VIEWS, Report, TextView

__all__ = [
    "TEXT_VIEWS",
    "Corpus",
    "Finding",
    "Report",
    "TextView",
    "load_corpus",
    "stream_reports",
]
