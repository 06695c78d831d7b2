"""Scoring prompts, and the token of each score."""

from __future__ import annotations

import string
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from cyborg_utils.study.schema.models import MAX_ANSWERS

ESSAY = "\u0000essay\u0000"
DATE = "26 Jul 2024"  # some chat templates contain today's date, and scores would change with it
LETTERS = string.ascii_uppercase


@dataclass(frozen=True)
class Prompt:
    """A scoring prompt as token ids: those before the essay, those after it, and the answer token
    of each score."""

    before: list[int]
    after: list[int]
    answers: list[int]

    def encode(self, essay: list[int], max_tokens: int) -> list[int]:
        """The prompt around one essay, which is truncated where it does not fit."""
        return self.before + essay[: self.room(max_tokens)] + self.after

    def room(self, max_tokens: int) -> int:
        """Tokens left for the essay."""
        return max_tokens - len(self.before) - len(self.after)


def build_prompt(
    tokenizer: PreTrainedTokenizerBase,
    labels: list[float],
    rubric: str = "",
    template: str = "auto",
) -> Prompt:
    """Build the prompt of a causal scorer.

    Parameters
    ----------
    labels : the scale's scores. The answer token of a one-digit integer is that digit; on other
        scales the answers are the letters A, B, ... in order.
    template : `chat` uses the tokenizer's chat template, `plain` does not, `auto` uses it where
        there is one.

    Raises
    ------
    ValueError
        Where a score is not a single token.
    """
    digits = all(isinstance(v, int) and 0 <= v <= 9 for v in labels)
    if not digits and len(labels) > MAX_ANSWERS:
        raise ValueError(
            f"a scale of {len(labels)} scores has no letter for each; a causal Teacher answers "
            f"at most {MAX_ANSWERS}"
        )
    names = [str(v) for v in labels] if digits else list(LETTERS[: len(labels)])
    if template == "auto":
        template = "chat" if getattr(tokenizer, "chat_template", None) else "plain"
    key = (
        ""
        if digits
        else "Scores: "
        + ", ".join(f"{name} = {value:g}" for name, value in zip(names, labels, strict=True))
    )
    sections = (rubric.strip(), key, f"Essay:\n{ESSAY}")
    head = "\n\n".join(section for section in sections if section)
    if template == "chat":
        request = f"{head}\n\nAnswer with the score alone, from {names[0]} to {names[-1]}."
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": request}],
            tokenize=False,
            add_generation_prompt=True,
            date_string=DATE,
        )
        before, after = text.split(ESSAY)
    else:
        # A letter merges into one token with a space before it, but not with a line break.
        gap = " " if digits else "\n"
        before, after = f"{head}\n\nScore:{gap}".split(ESSAY)
        if tokenizer.bos_token:
            before = tokenizer.bos_token + before
    answers = _answer_tokens(tokenizer, after, names)
    return Prompt(_ids(tokenizer, before), _ids(tokenizer, after), answers)


def _answer_tokens(tokenizer: PreTrainedTokenizerBase, after: str, names: list[str]) -> list[int]:
    start = _ids(tokenizer, after)
    answers = []
    for name in names:
        whole = _ids(tokenizer, after + name)
        if whole[: len(start)] != start or len(whole) != len(start) + 1:
            raise ValueError(
                f"score {name!r} is not one token after the prompt for this tokenizer "
                f"({len(whole) - len(start)} tokens); choose another template or model"
            )
        if whole[-1] == tokenizer.unk_token_id:
            raise ValueError(
                f"score {name!r} is not a token of this tokenizer; choose another model"
            )
        answers.append(whole[-1])
    if len(set(answers)) != len(answers):
        raise ValueError("two scores share one token for this tokenizer; choose another model")
    return answers


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]
