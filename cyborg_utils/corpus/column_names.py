"""Names that columns of essay tables commonly have, by role, in several languages.

Accents are left out: `tokens` removes them. `essay_id` stands for the words essay and id.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

TEXTS = (
    "text", "essay", "full_text", "response", "answer", "content", "composition", "writing",
    "aufsatz", "antwort", "ensayo", "redaccion", "texto", "respuesta", "texte", "copie", "essai",
    "dissertation", "redacao", "resposta", "作文", "正文", "文章", "文本", "сочинение", "эссе",
    "tekst",
)  # fmt: skip
ANSWERS = {"response", "answer", "antwort", "respuesta", "reponse", "resposta"}
COMMENTS = {  # of raters and peers, and what else is long and is no essay
    "comment", "comments", "commentary", "review", "reviews", "feedback", "remark", "remarks",
    "notes", "rationale", "justification", "title", "kommentar", "kommentare", "ruckmeldung",
    "bemerkung", "bemerkungen", "anmerkung", "anmerkungen", "gutachten", "begrundung", "titel",
    "comentario", "comentarios", "observaciones", "retroalimentacion", "titulo", "commentaire",
    "commentaires", "remarque", "remarques", "appreciation", "titre", "评语", "评论", "反馈",
    "标题", "комментарий", "отзыв",
}  # fmt: skip
QUESTIONS = {
    "prompt", "question", "task", "topic", "assignment", "instruction", "instructions", "rubric",
    "aufgabe", "aufgabenstellung", "thema", "frage", "consigna", "tema", "pregunta", "consigne",
    "sujet", "题目", "тема",
}  # fmt: skip
IDS = (
    "id", "essay_id", "text_id", "response_id", "nr", "no", "number", "code", "nummer", "numero",
    "num", "kennung", "编号", "序号", "номер",
)  # fmt: skip
PERSONAL = {  # words in names of columns that say who a person is, and of which two may be alike
    "name", "surname", "firstname", "lastname", "email", "mail", "vorname", "nachname", "apellido",
    "apellidos", "nombre", "prenom", "nom", "姓名",
}  # fmt: skip
WRITERS = (
    "student_id", "writer_id", "author_id", "learner_id", "examinee_id", "candidate_id",
    "participant_id", "user_id", "person_id", "student", "writer", "author", "learner", "examinee",
    "candidate", "participant", "user", "name", "email", "schuler", "autor", "alumno",
    "estudiante", "eleve", "auteur", "etudiant", "aluno", "学生", "学号", "作者", "ученик",
)  # fmt: skip
OVERALL = {
    "overall", "holistic", "total", "final", "global", "gesamt", "gesamtnote", "gesamtpunkte",
    "gesamtpunktzahl", "总分", "总评",
}  # fmt: skip
SCORES = (
    "score", "holistic", "overall", "mark", "marks", "grade", "points", "rating", "band", "total",
    "proficiency", "cefr", "punkte", "punktzahl", "note", "bewertung", "nota", "puntuacion",
    "puntaje", "calificacion", "pontuacao", "分数", "得分", "成绩", "评分", "总分", "оценка",
    "балл", "ocena", "punkty", "znamka",
)  # fmt: skip
RATERS = ("rater", "rater_1", "score_1")
SCORERS = {  # who gave a score
    "rater", "reader", "judge", "annotator", "marker", "coder", "scorer", "grader", "assessor",
}  # fmt: skip
PARTS = {  # of a score: criteria, traits
    "content", "organization", "organisation", "grammar", "vocabulary", "coherence", "cohesion",
    "structure", "language", "style", "conventions", "syntax", "idea", "ideas", "voice",
    "mechanics", "spelling", "lexical", "lexis", "fluency", "focus", "support", "evidence",
    "argument", "argumentation", "development", "relevance", "phraseology", "punctuation",
    "achievement", "competence", "trait", "criterion", "inhalt", "aufbau", "sprache", "grammatik",
    "rechtschreibung", "ausdruck", "wortschatz", "contenido", "organizacion", "gramatica",
    "vocabulario", "coherencia", "contenu", "grammaire", "orthographe", "competencia", "结构",
    "语言", "内容",
}  # fmt: skip
COUNTS = {  # of numbers that are no score
    "words", "word", "count", "length", "time", "minutes", "seconds", "date", "sentences",
    "characters", "chars", "tokens", "possible", "max", "maximum", "min", "minimum", "id",
}  # fmt: skip
SYSTEMS = {"machine", "model", "system", "engine"}
MACHINES = SYSTEMS | {
    "m", "predicted", "prediction", "pred", "automated", "automatic", "auto", "ai", "aes",
    "student", "gpt", "llm", "bert", "llama", "claude", "gemini",
}  # fmt: skip
SCHOOL_GRADES = {"klasse", "klassenstufe", "jahrgang", "jahrgangsstufe", "grado", "curso", "年级"}
SECOND = {"2", "two", "second", "zweite", "zweiter", "ii"}  # words in a second score's column
FIRST = {"2": "1", "two": "one", "second": "first", "zweite": "erste", "zweiter": "erster",
         "ii": "i"}  # fmt: skip
OTHER_TRAITS = {"domain", "trait", "dimension", "criterion", "aspect", "task", "part", "question",
                "item", "competence"}  # fmt: skip
PROMPTS = (
    "prompt", "prompt_name", "task", "topic", "question", "assignment", "essay_set", "aufgabe",
    "thema", "tema", "consigna", "sujet", "consigne", "题目", "тема",
)  # fmt: skip
SPLITS = ("split", "set", "partition", "part", "competition_set", "fold")
SPLIT_VALUES = {
    "train": "train", "training": "train", "dev": "dev", "valid": "dev", "validation": "dev",
    "test": "test", "testing": "test",
}  # fmt: skip
GROUPS = {
    "gender", "sex", "ell", "esl", "ethnicity", "race", "disability", "disadvantaged", "ses",
    "lunch", "grade", "age", "language", "country", "region", "school", "l1", "geschlecht",
    "muttersprache", "herkunft", "klasse", "genero", "sexo", "lengua", "pais", "sexe", "langue",
    "pays", "lingua", "性别", "母语", "年级", "国籍", "地区", "пол", "язык",
}  # fmt: skip


PROBABILITIES = {  # words of how an essay was drawn
    "probability", "prob", "inclusion", "weight", "weights", "wt", "ipw", "gewicht", "peso",
    "poids", "wahrscheinlichkeit", "probabilidad", "probabilite", "probabilidade",
}  # fmt: skip


def named_like_probability(columns: Iterable[str]) -> list[str]:
    """The columns that are named like a probability of being drawn, or a sampling weight."""
    return [c for c in columns if has_word(c, PROBABILITIES) and not has_word(c, MACHINES)]


def tokens(name: str) -> list[str]:
    """The words and numbers of a column's name: `EssayID-2` is essay, id, 2."""
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", str(name))
    plain = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", apart.lower()))
    return re.findall(r"[^\W\d_]+|\d+", unicodedata.normalize("NFC", plain))


def has_word(column: str, words: Iterable[str]) -> bool:
    """Whether a name has one of the words; those of scripts without spaces may stand inside."""
    parts = set(tokens(column))
    return any(w in parts or (not w.isascii() and w in str(column).lower()) for w in words)


def named_like(columns: Iterable[str], names: Iterable[str]) -> list[str]:
    """The columns that have one of the names, then those that have its words among theirs."""
    columns, names = list(columns), list(names)
    exact = exactly_named(columns, names)
    within = [c for n in names for c in columns if all(has_word(c, [w]) for w in n.split("_"))]
    return list(dict.fromkeys(exact + within))


def exactly_named(columns: Iterable[str], names: Collection[str]) -> list[str]:
    """The columns that have one of the names, in the order of the names."""
    columns = list(columns)
    return list(dict.fromkeys(c for n in names for c in columns if tokens(c) == n.split("_")))
