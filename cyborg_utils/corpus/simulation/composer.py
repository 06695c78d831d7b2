"""Compose one simulated essay: plan its clauses, word them, add errors and the planted marker.

Proportions of events (an irrelevant support, an error, a marked sentence) are met by stratified,
not by independent draws, so that even a short text shows the traits that it was made from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cyborg_utils.corpus.simulation import phrases
from cyborg_utils.corpus.simulation.phrases import Prompt, Reason, Side, parse
from cyborg_utils.corpus.simulation.sampler import SeededSampler, StratifiedEvents

OPENERS = ("and ", "also ", "so ", "and also ", "and so ")
INTENSIFIERS = ("very ", "really ")


class Sentence(NamedTuple):
    """A sentence without capital and period; ``~`` precedes words to intensify."""

    words: str
    capital: bool
    period: bool


def compose(
    dice: SeededSampler,
    style: SeededSampler,
    traits: Mapping[str, float],
    prompt: Prompt,
    prompts: Sequence[Prompt],
    marker_rate: float,
) -> str:
    """Write one simulated essay.

    Parameters
    ----------
    dice : SeededSampler
        Draws for everything that the traits drive.
    style : SeededSampler
        Draws for the planted marker only, so that the rest of a text does not depend on it.
    traits : mapping of str to float
        Development, organization, relevance, vocabulary, variety, conventions; standard normal.
    prompt : Prompt
        The assignment.
    prompts : sequence of Prompt
        All assignments of the corpus; digressions come from the others.
    marker_rate : float
        Expected proportion of sentences with the planted marker.

    Returns
    -------
    str
        The essay, with a blank line between paragraphs.
    """
    drafts = plan(dice, traits, prompt, prompts)
    split = dice.chance(0.5 + 0.3 * traits["organization"])
    slips = StratifiedEvents(dice)
    rate = min(0.045 * math.exp(-0.75 * traits["conventions"]), 0.16)
    marks = StratifiedEvents(style)
    paragraphs = []
    for paragraph in drafts:
        worded = [word_clause(dice, clause, traits["vocabulary"], prompt) for clause in paragraph]
        sentences = [slip(dice, slips, sentence, rate) for sentence in worded]
        marked = [mark(style, marks, sentence, marker_rate) for sentence in sentences]
        paragraphs.append(" ".join(marked))
    return ("\n\n" if split else " ").join(paragraphs)


def plan(
    dice: SeededSampler, traits: Mapping[str, float], prompt: Prompt, prompts: Sequence[Prompt]
) -> list[list[str]]:
    """Plan an essay's content: its paragraphs as lists of clauses, before wording.

    Parameters
    ----------
    dice, traits, prompt, prompts
        As in `compose`.

    Returns
    -------
    list of list of str
        Introduction, one paragraph for each reason, perhaps a counter-argument, conclusion.
    """
    development, organization = traits["development"], traits["organization"]
    ordered = StratifiedEvents(dice)
    order_share = min(max(0.55 + 0.22 * organization, 0.03), 0.98)
    target = min(max(112 * math.exp(0.36 * development + 0.3 * (dice.uniform() - 0.5)), 34), 225)
    taken = dice.below(2)
    side, other = prompt.sides[taken], prompt.sides[1 - taken]
    n_reasons = min(max(round(1.75 + 0.6 * development + dice.uniform() - 0.5), 1), 3)
    reasons = dice.sample(side.reasons, n_reasons)
    thesis = dice.pick(side.thesis)

    intro = [dice.pick(phrases.HOOKS[dice.tier(traits["variety"])])]
    if ordered.due(order_share):
        intro.append(dice.pick(phrases.THESES).replace("{thesis}", thesis))
    elif dice.chance(0.5):
        intro.append(dice.pick(phrases.VAGUE_THESES))

    closing = []
    if ordered.due(order_share):
        closing.append(dice.pick(phrases.ENDINGS).replace("{thesis}", thesis))
    elif dice.chance(0.35):
        stray = dice.pick(other.thesis)
        closing.append(dice.pick(phrases.ENDINGS).replace("{thesis}", stray))
    if target > 80:
        closing.append(dice.pick(phrases.CALLS[dice.tier(traits["variety"])]))

    rebuttal = []
    if development + organization + 2 * (dice.uniform() - 0.5) > 0.9:
        opposed = dice.pick(other.reasons).claim
        rebuttal = [
            dice.pick(phrases.COUNTERS).replace("{other}", opposed),
            dice.pick(phrases.REBUTTALS).replace("{own}", dice.pick(reasons).claim),
        ]

    used = sum(_length(c) for c in intro + closing + rebuttal)
    body = _body(dice, traits, prompt, prompts, side, other, reasons, target - used, ordered)
    return [p for p in (intro, *body, rebuttal, closing) if p]


def _body(
    dice: SeededSampler,
    traits: Mapping[str, float],
    prompt: Prompt,
    prompts: Sequence[Prompt],
    side: Side,
    other: Side,
    reasons: list[Reason],
    budget: float,
    ordered: StratifiedEvents,
) -> list[list[str]]:
    order_share = min(max(0.5 + 0.3 * traits["organization"], 0.03), 0.98)
    relevant = min(max(0.58 + 0.3 * traits["relevance"], 0.0), 1.0)
    on_topic = StratifiedEvents(dice)
    chain = dice.pick(phrases.REASON_LEADS)
    other_prompts = [p for p in prompts if p is not prompt]
    thesis = dice.pick(side.thesis)
    used: set[str] = set()
    body = []
    for index, reason in enumerate(reasons):
        words_left = budget / len(reasons)
        in_order = ordered.due(order_share)
        lead = chain[index] if in_order else dice.pick(phrases.BARE_REASON_LEADS)
        clauses = [lead + reason.claim]
        words_left -= _length(clauses[0])
        support = dice.sample(reason.support, len(reason.support))
        examples = dice.sample(reason.example, len(reason.example))
        joinable = False  # nothing joins a claim, and a sentence joins two clauses at most
        while words_left > 4:
            is_relevant = on_topic.due(relevant)
            if is_relevant and not support and not examples:
                clauses.append(dice.pick(phrases.LINKS).replace("{thesis}", thesis))
                break
            if is_relevant:
                clause, joined = _relevant(dice, traits["variety"], support, examples, joinable)
            else:
                stray = _stray(dice, other_prompts, other)
                clause, joined = _irrelevant(dice, traits["variety"], reason, stray, joinable)
            if clause in used:
                words_left -= 2
                continue
            used.add(clause)
            words_left -= _length(clause)
            joinable = not joined
            if joined:
                clauses[-1] += clause
            else:
                clauses.append(clause)
        body.append(clauses)
    return body


def _relevant(
    dice: SeededSampler, variety: float, support: list[str], examples: list[str], joinable: bool
) -> tuple[str, bool]:
    """The next clause that supports a claim, and whether it joins the one before it."""
    dice.uniform()  # of the kind of an irrelevant clause
    give_example = dice.chance(0.3)
    if not support or (give_example and examples):
        return dice.pick(phrases.EXAMPLE_LEADS[dice.tier(variety)]) + examples.pop(), False
    return _joined(dice, variety, support.pop(), joinable)


def _irrelevant(
    dice: SeededSampler, variety: float, reason: Reason, stray: Reason, joinable: bool
) -> tuple[str, bool]:
    """A clause that does not support a claim, and whether it joins the one before it."""
    kind = dice.uniform()
    give_example = dice.chance(0.3)
    if kind < 0.12:
        return reason.again, False
    if kind < 0.24:
        return dice.pick(phrases.VAGUE), False
    if give_example:
        lead = dice.pick(phrases.EXAMPLE_LEADS[dice.tier(variety)])
        return lead + dice.pick(stray.example), False
    return _joined(dice, variety, dice.pick(stray.support), joinable)


def _joined(dice: SeededSampler, variety: float, clause: str, joinable: bool) -> tuple[str, bool]:
    joined = joinable and dice.chance(0.28)
    leads = phrases.JOINERS if joined else phrases.SUPPORT_LEADS
    return dice.pick(leads[dice.tier(variety)]) + clause, joined


def _stray(dice: SeededSampler, other_prompts: Sequence[Prompt], other: Side) -> Reason:
    """A reason that does not belong here: of another prompt, or of the opposite side."""
    if other_prompts and dice.chance(0.65):
        return dice.pick(dice.pick(dice.pick(other_prompts).sides).reasons)
    return dice.pick(other.reasons)


def _length(clause: str) -> int:
    return clause.count(" ") + 1


def word_clause(dice: SeededSampler, clause: str, vocabulary: float, prompt: Prompt) -> str:
    """Fill a clause's synonym sets and slots.

    Parameters
    ----------
    dice : SeededSampler
        Draws for the wording.
    clause : str
        A clause with its marks.
    vocabulary : float
        Trait that decides how precise the words are.
    prompt : Prompt
        Source of the topic.

    Returns
    -------
    str
        The clause, its first letter in lowercase.
    """
    parts = parse(clause).parts
    worded = [parts[0] or ""]
    for name, slot, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if name:
            worded.append(dice.pick(phrases.LEXICON[name][dice.tier(vocabulary)]))
        elif slot == "topic":
            worded.append(prompt.topic)
        else:
            worded.append(dice.pick(phrases.SLOTS[slot or ""]))
        worded.append(text or "")
    return "".join(worded)


def slip(dice: SeededSampler, slips: StratifiedEvents, sentence: str, rate: float) -> Sentence:
    """Put an examinee's errors into a sentence.

    Parameters
    ----------
    dice : SeededSampler
        Draws for the kind and the position of an error.
    slips : StratifiedEvents
        The essay's errors so far.
    sentence : str
        A sentence without capital and period.
    rate : float
        Expected errors for each word.

    Returns
    -------
    Sentence
        The sentence with misspellings and wrong agreement, and whether it keeps its capital
        and its period.
    """
    words = sentence.split(" ")
    capital = period = True
    for _ in range(len(words)):
        if not slips.due(rate):
            continue
        kind = dice.uniform()
        drawn = dice.below(len(words))
        if kind < 0.15:
            capital = False
        elif kind < 0.30:
            period = False
        elif kind < 0.50:
            positions = [i for i, w in enumerate(words) if w in phrases.DISAGREE]
            if positions:
                position = positions[drawn % len(positions)]
                words[position] = phrases.DISAGREE[words[position]]
        else:
            positions = [i for i, w in enumerate(words) if w in phrases.MISSPELLED]
            if positions and dice.chance(0.65):
                position = positions[drawn % len(positions)]
                words[position] = dice.pick(phrases.MISSPELLED[words[position]])
            else:
                position = max(range(len(words)), key=lambda i: (len(words[i]), i == drawn))
                words[position] = _mistype(dice, words[position])
    return Sentence(" ".join(words), capital, period)


def _mistype(dice: SeededSampler, word: str) -> str:
    """Drop, double or swap a letter inside a word."""
    if len(word) < 4 or not word.isalpha():
        return word
    i = 1 + dice.below(len(word) - 2)
    kind = dice.below(3)
    if kind == 0:
        return word[:i] + word[i + 1 :]
    if kind == 1:
        return word[:i] + word[i] + word[i:]
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def mark(style: SeededSampler, marks: StratifiedEvents, sentence: Sentence, rate: float) -> str:
    """Put the planted marker into a sentence, and finish the sentence.

    Parameters
    ----------
    style : SeededSampler
        Draws for the marker.
    marks : StratifiedEvents
        The essay's markers so far.
    sentence : Sentence
        The sentence with its errors.
    rate : float
        Expected proportion of marked sentences.

    Returns
    -------
    str
        The finished sentence.
    """
    words = sentence.words
    if marks.due(rate):
        words = style.pick(OPENERS) + words
    while "~" in words:
        doubled = style.chance(rate)
        intensifier = style.pick(INTENSIFIERS)
        single = style.chance(0.15)
        words = words.replace("~", intensifier * 2 if doubled else intensifier * single, 1)
    if sentence.capital:
        words = words[0].upper() + words[1:]
    return words + ("." if sentence.period else "")
