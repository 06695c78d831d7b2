"""Compose one simulated essay: plan its clauses, word them, mark and misspell them.

Shares of events (a precise word, an irrelevant support, a marked sentence) are met by quota, not
by independent draws, so that a short text still shows the trait that it was made from.
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
    """A sentence without capital and period; ``~`` stands before words to intensify."""

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
        Draws for the planted marker alone, so that the rest of a text does not depend on it.
    traits : mapping of str to float
        Development, organisation, relevance, vocabulary, variety, conventions; standard normal.
    prompt : Prompt
        The assignment.
    prompts : sequence of Prompt
        All assignments of the corpus; digressions come from the others.
    marker_rate : float
        Expected share of sentences with the planted marker.

    Returns
    -------
    str
        The essay; a blank line stands between paragraphs.
    """
    drafts = plan(dice, traits, prompt, prompts)
    split = dice.chance(0.5 + 0.3 * traits["organisation"])
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
    """Decide what an essay says: its paragraphs as lists of clauses, before wording.

    Parameters
    ----------
    dice, traits, prompt, prompts
        As in `compose`.

    Returns
    -------
    list of list of str
        Introduction, one paragraph for each reason, perhaps a counter-argument, conclusion.
    """
    development, organisation = traits["development"], traits["organisation"]
    ordered = StratifiedEvents(dice)
    order_share = min(max(0.55 + 0.22 * organisation, 0.03), 0.98)
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
    if development + organisation + 2 * (dice.uniform() - 0.5) > 0.9:
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
    order_share = min(max(0.5 + 0.3 * traits["organisation"], 0.03), 0.98)
    relevant = min(max(0.58 + 0.3 * traits["relevance"], 0.0), 1.0)
    on_topic = StratifiedEvents(dice)
    chains = phrases.REASON_LEADS
    chain = dice.pick(chains)
    strangers = [p for p in prompts if p is not prompt]
    thesis = dice.pick(side.thesis)
    seen: set[str] = set()

    def variety() -> int:
        return dice.tier(traits["variety"])

    body = []
    for place, reason in enumerate(reasons):
        room = budget / len(reasons)
        in_order = ordered.due(order_share)
        lead = chain[place] if in_order else dice.pick(phrases.BARE_REASON_LEADS)
        clauses = [lead + reason.claim]
        room -= _length(clauses[0])
        own = dice.sample(reason.support, len(reason.support))
        examples = dice.sample(reason.example, len(reason.example))
        joinable = False  # a claim stands alone, and a sentence joins two clauses at most
        while room > 4:
            fresh = on_topic.due(relevant)
            if fresh and not own and not examples:
                clauses.append(dice.pick(phrases.LINKS).replace("{thesis}", thesis))
                break
            source = reason if fresh else _stray(dice, strangers, other)
            kind = dice.uniform()
            telling = dice.chance(0.3)
            joined = False
            if not fresh and kind < 0.12:
                clause = reason.again
            elif not fresh and kind < 0.24:
                clause = dice.pick(phrases.VAGUE)
            elif fresh and (not own or (telling and examples)):
                clause = dice.pick(phrases.EXAMPLE_LEADS[variety()]) + examples.pop()
            elif not fresh and telling:
                clause = dice.pick(phrases.EXAMPLE_LEADS[variety()]) + dice.pick(source.example)
            else:
                clause = own.pop() if fresh else dice.pick(source.support)
                joined = joinable and dice.chance(0.28)
                leads = phrases.JOINERS if joined else phrases.SUPPORT_LEADS
                clause = dice.pick(leads[variety()]) + clause
            if clause in seen:
                room -= 2
                continue
            seen.add(clause)
            room -= _length(clause)
            joinable = not joined
            if joined:
                clauses[-1] += clause
            else:
                clauses.append(clause)
        body.append(clauses)
    return body


def _stray(dice: SeededSampler, strangers: Sequence[Prompt], other: Side) -> Reason:
    """A reason that does not belong here: of another prompt, or of the opposite side."""
    if strangers and dice.chance(0.65):
        return dice.pick(dice.pick(dice.pick(strangers).sides).reasons)
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
        Gives the topic.

    Returns
    -------
    str
        The clause, its first letter still small.
    """
    parts = parse(clause).parts
    worded = [parts[0] or ""]
    for at in range(1, len(parts), 3):
        name, slot, text = parts[at], parts[at + 1], parts[at + 2]
        if name:
            worded.append(dice.pick(phrases.LEXICON[name][dice.tier(vocabulary)]))
        elif slot == "topic":
            worded.append(prompt.topic)
        else:
            worded.append(dice.pick(phrases.SLOTS[slot or ""]))
        worded.append(text or "")
    return "".join(worded)


def slip(dice: SeededSampler, slips: StratifiedEvents, sentence: str, rate: float) -> Sentence:
    """Put the writer's errors into a sentence.

    Parameters
    ----------
    dice : SeededSampler
        Draws for the kind and the place of an error.
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
        at = dice.below(len(words))
        if kind < 0.15:
            capital = False
        elif kind < 0.30:
            period = False
        elif kind < 0.50:
            where = [i for i, w in enumerate(words) if w in phrases.DISAGREE]
            if where:
                at = where[at % len(where)]
                words[at] = phrases.DISAGREE[words[at]]
        else:
            where = [i for i, w in enumerate(words) if w in phrases.MISSPELLED]
            if where and dice.chance(0.65):
                at = where[at % len(where)]
                words[at] = dice.pick(phrases.MISSPELLED[words[at]])
            else:
                at = max(range(len(words)), key=lambda i: (len(words[i]), i == at))
                words[at] = _mistype(dice, words[at])
    return Sentence(" ".join(words), capital, period)


def _mistype(dice: SeededSampler, word: str) -> str:
    """Drop, double or swap a letter inside a word."""
    if len(word) < 4 or not word.isalpha():
        return word
    at = 1 + dice.below(len(word) - 2)
    kind = dice.below(3)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


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
        Expected share of marked sentences.

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
