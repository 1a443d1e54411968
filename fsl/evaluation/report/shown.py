"""Texts and answers as pages and terminals show them: short, and in words."""

from pydantic import JsonValue

from fsl.evaluation.jsonable import canonical_json

MAX_TEXT_CHARS = 160


def shortened(text: str) -> str:
    """Return a text's beginning."""
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]}…"


def describe_answer(answer: JsonValue, text: str) -> str:
    """Return an answer in words: the label, or labels, or each span's label with what it covers."""
    if isinstance(answer, str):
        return answer
    if answer == []:
        return "nothing"
    parts = []
    for span in answer if isinstance(answer, list) else [answer]:
        match span:
            case [int(start), int(end), str(label)]:
                parts.append(f"{label}: {text[start:end]}")
            case str(label):
                parts.append(label)
            case _:
                parts.append(canonical_json(span))
    return ", ".join(parts)
