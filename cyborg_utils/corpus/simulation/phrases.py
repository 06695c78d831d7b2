"""Phrase material of the simulated corpus: synonym sets, connectives, slots and errors.

The clauses of each prompt are in ``prompts.yaml``, what all prompts share is here. A tiered set has
three levels: plain, middle, precise.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import NamedTuple

import yaml

Tiers = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
LEXICON: dict[str, Tiers] = {
    "believe": (("think",), ("believe", "feel"), ("maintain", "am convinced")),
    "dangerous": (("bad",), ("dangerous",), ("hazardous", "treacherous")),
    "few": (("a couple of",), ("a few",), ("a handful of", "several")),
    "get": (("get",), ("gain", "receive"), ("acquire", "obtain")),
    "good": (("good", "nice"), ("helpful", "useful"), ("beneficial", "valuable")),
    "hard": (("hard",), ("difficult",), ("demanding", "challenging")),
    "help": (("help",), ("support",), ("assist", "benefit")),
    "important": (("big",), ("important", "serious"), ("essential", "significant")),
    "improve": (("fix",), ("improve", "raise"), ("enhance", "strengthen")),
    "kids": (("kids",), ("students", "teenagers"), ("adolescents", "young people")),
    "learn": (("learn",), ("learn", "understand"), ("master", "comprehend")),
    "many": (("a lot of", "lots of"), ("many",), ("numerous", "countless")),
    "need": (("need",), ("need",), ("require", "depend on")),
    "people": (("people",), ("families", "citizens"), ("individuals", "observers")),
    "problem": (("thing",), ("problem", "question"), ("issue", "concern")),
    "reason": (("thing",), ("reason", "point"), ("argument", "consideration")),
    "say": (("say",), ("claim", "state"), ("argue", "contend")),
    "stop": (("stop",), ("prevent", "reduce"), ("eliminate", "avert")),
}
HOOKS: Tiers = (
    (
        "there is a lot of talk about {topic}",
        "I am going to write about {topic}",
        "everybody has something to say about {topic}",
    ),
    (
        "many schools and families have different opinions about {topic}",
        "the question of {topic} matters to students and parents",
        "people in our town often discuss {topic}",
    ),
    (
        "few <problem>s divide a community as sharply as {topic}",
        "the debate over {topic} raises questions about what young people deserve",
        "before we judge {topic}, we should weigh the evidence on both sides",
    ),
)
THESES = ("I <believe> that {thesis}", "in my opinion {thesis}", "my position is that {thesis}")
VAGUE_THESES = (
    "it can be yes or no and I do not know",
    "there are two sides and both are okay",
    "I have some things to say about it",
)
SUPPORT_LEADS: Tiers = (
    ("", "", "I think ", "I know ", "I say "),
    ("", "", "this means that ", "because of this, ", "in many cases "),
    ("", "as a result, ", "consequently, ", "in particular, ", "more precisely, "),
)
EXAMPLE_LEADS: Tiers = (
    ("like ", "one time "),
    ("for example, ", "for instance, "),
    ("to illustrate, ", "as evidence, ", "consider one case: "),
)
JOINERS: Tiers = ((" and ",), (", and ", ", so "), (", while ", "; moreover, ", "; furthermore, "))
REASON_LEADS = (
    ("first, ", "second, ", "third, "),
    ("to begin with, ", "in addition, ", "finally, "),
    ("one <reason> is that ", "another <reason> is that ", "the last <reason> is that "),
)
BARE_REASON_LEADS = ("", "", "because ", "I think ", "it is like ")
COUNTERS = (
    "some <people> <say> that {other}",
    "critics may <say> that {other}",
    "it is true that {other}",
    "on the other side, {other}",
)
REBUTTALS = (
    "however, this ignores that {own}",
    "still, it counts more that {own}",
    "nevertheless, the stronger <reason> is that {own}",
    "even so, we must not forget that {own}",
)
ENDINGS = (
    "in conclusion, {thesis}",
    "for these reasons {thesis}",
    "all in all, {thesis}",
    "therefore I <believe> that {thesis}",
)
CALLS: Tiers = (
    ("that is all I have to say", "that is what I think about {topic}"),
    ("I hope the principal will listen to us", "this change would be ~<good> for everyone"),
    (
        "a community that weighs the evidence will reach the same verdict",
        "the decision we make on {topic} will shape the next generation",
    ),
)
LINKS = (
    "this is why {thesis}",
    "all of this shows that {thesis}",
    "this <reason> alone means that {thesis}",
)
VAGUE = (
    "this is ~<good> for everybody and for everything",
    "this is a ~<important> thing in life",
    "it is what it is and people know it",
    "there is a lot of stuff like that",
    "it makes things better in some way",
    "everyone should think about that",
    "that is how it goes most of the time",
    "it can be this way or another way",
)
SLOTS = {
    "kin": ("brother", "sister", "cousin", "uncle", "aunt", "neighbor", "friend", "classmate"),
    "num": ("two", "three", "four", "five", "six", "seven", "ten", "twelve", "fifteen", "twenty"),
    "town": ("Denver", "Boston", "Tucson", "Fairview", "Oakland", "Salem", "Dayton", "Milton"),
    "when": (
        "last week",
        "last month",
        "last year",
        "in May",
        "in October",
        "in March",
        "two years ago",
        "this spring",
        "this winter",
        "on a Friday",
    ),
}
MISSPELLED = {
    "because": ("becuase", "becouse", "cuz"),
    "people": ("peple", "poeple"),
    "their": ("there", "thier"),
    "they": ("thay",),
    "there": ("their", "thier"),
    "would": ("wuld", "woud"),
    "should": ("shoud", "shuld"),
    "could": ("coud",),
    "school": ("scool", "shool"),
    "schools": ("scools", "shools"),
    "teacher": ("techer", "teecher"),
    "friend": ("freind",),
    "friends": ("freinds",),
    "different": ("diffrent",),
    "another": ("anouther",),
    "really": ("realy",),
    "believe": ("beleive",),
    "students": ("studens", "stundents"),
    "student": ("studen",),
    "with": ("whith",),
    "when": ("wen",),
    "every": ("evry",),
    "learn": ("lern",),
    "phone": ("fone",),
    "phones": ("fones",),
    "about": ("abot",),
    "something": ("somthing",),
    "always": ("allways",),
    "activities": ("activitys",),
    "families": ("familys",),
    "too": ("to",),
    "your": ("youre",),
    "which": ("wich",),
    "morning": ("moring",),
    "know": ("no",),
}
DISAGREE = {
    "is": "are",
    "are": "is",
    "has": "have",
    "have": "has",
    "was": "were",
    "does": "do",
    "do": "does",
    "makes": "make",
    "takes": "take",
    "knows": "know",
    "leaves": "leave",
    "learns": "learn",
    "can": "cans",
    "students": "student",
    "kids": "kid",
    "parents": "parent",
    "teachers": "teacher",
    "jobs": "job",
}
_MARK = re.compile(r"<(\w+)>|\{(\w+)\}")


class Phrase(NamedTuple):
    """A clause cut at its marks: ``parts`` alternate text, synonym set (or ""), slot (or "")."""

    parts: tuple[str | None, ...]


class Reason(NamedTuple):
    """One reason: its claim, the same again, the clauses that support it, and examples."""

    claim: str
    again: str
    support: tuple[str, ...]
    example: tuple[str, ...]


class Side(NamedTuple):
    """One position on a prompt: the thesis in two wordings and its reasons."""

    thesis: tuple[str, ...]
    reasons: tuple[Reason, ...]


class Prompt(NamedTuple):
    """An assignment: its name, its topic as a noun phrase, and two sides."""

    name: str
    topic: str
    sides: tuple[Side, ...]


@cache
def parse(clause: str) -> Phrase:
    """Cut a clause at its synonym sets and slots.

    Parameters
    ----------
    clause : str
        Text with ``<word>`` for synonym sets and ``{slot}`` for details.

    Returns
    -------
    Phrase
        Text, set and slot in turn; exactly one of set and slot is not None at a mark.
    """
    return Phrase(tuple(_MARK.split(clause)))


@cache
def load_prompts() -> tuple[Prompt, ...]:
    """Read the prompts of the simulated corpus.

    Returns
    -------
    tuple of Prompt
        All prompts in the order of the file.
    """
    source = resources.files(__package__).joinpath("prompts.yaml")
    raw = yaml.safe_load(source.read_text(encoding="utf-8"))
    return tuple(
        Prompt(
            prompt["name"],
            prompt["topic"],
            tuple(
                Side(
                    tuple(side["thesis"]),
                    tuple(
                        Reason(r["claim"], r["again"], tuple(r["support"]), tuple(r["example"]))
                        for r in side["reasons"]
                    ),
                )
                for side in prompt["sides"]
            ),
        )
        for prompt in raw["prompts"]
    )
