"""Leave out what a reasoning model thought before it answered."""

from __future__ import annotations

import re

_NAME = "(?:(?:seed:)?think|thinking|thought|reasoning|reflection|analysis)"
_TAG = re.compile(
    rf"(?P<open><{_NAME}>|\[THINK\]|\u25c1think\u25b7|<unused94>"
    r"|<\|(?:START_THINKING|begin_of_thought)\|>)"
    rf"|(?P<close></{_NAME}>|\[/THINK\]|\u25c1/think\u25b7|<unused95>"
    r"|<\|(?:END_THINKING|end_of_thought)\|>)",
    re.IGNORECASE,
)
_CHANNEL = "<|channel|>"
_MESSAGE = "<|message|>"
_FINAL_AS_TEXT = "assistantfinal"
_ANALYSIS_AS_TEXT = re.compile(r"\s*analysis(?=[^\W_])")


def without_thinking(text: str) -> tuple[str, bool]:
    """What is left of an answer without the thinking.

    Understands `<think>` and its kin, also where only the closing tag is there because the prompt
    ended in the opening one, and the channels of the harmony format, also where its special tokens
    were dropped ("analysis ... assistantfinal ..."). Where nothing is final, all was thinking.

    Returns:
        The rest, and whether the thinking came to an end.
    """
    if _CHANNEL in text:
        channel, _, message = text.rpartition(_CHANNEL)[2].partition(_MESSAGE)
        return (message, True) if channel.split()[:1] == ["final"] else ("", False)
    if text.lstrip().startswith("analysis"):
        _, marked, final = text.rpartition(_FINAL_AS_TEXT)
        if marked:
            return final, True
        if _ANALYSIS_AS_TEXT.match(text):
            return "", False
    kept: list[str] = []
    at, thinking = 0, False
    for tag in _TAG.finditer(text):
        if tag["close"]:
            if not thinking:
                kept = []
            thinking = False
        elif not thinking:
            kept.append(text[at : tag.start()])
            thinking = True
        at = tag.end()
    if not thinking:
        kept.append(text[at:])
    return " ".join(kept), not thinking
