"""Leave out what a reasoning model thought before it answered."""

from __future__ import annotations

import re

_TAG = re.compile(
    r"(?P<open><(?:think|thinking|thought|reasoning|reflection)>|\[THINK\]|\u25c1think\u25b7)"
    r"|(?P<close></(?:think|thinking|thought|reasoning|reflection)>|\[/THINK\]|\u25c1/think\u25b7)",
    re.IGNORECASE,
)
_CHANNEL = "<|channel|>"
_MESSAGE = "<|message|>"
_FINAL_AS_TEXT = "assistantfinal"


def without_thinking(text: str) -> tuple[str, bool]:
    """What is left of an answer without the thinking.

    Understands `<think>` and its kin, also where only the closing tag is there because the prompt
    ended in the opening one, and the channels of the harmony format, also where its special tokens
    were dropped ("analysis ... assistantfinal ...").

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
