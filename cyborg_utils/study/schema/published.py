"""The columns and the sources of published corpora."""

from __future__ import annotations

from cyborg_utils.study.schema.columns import Columns

PERSUADE_GROUPS = [
    "gender",
    "ell_status",
    "race_ethnicity",
    "economically_disadvantaged",
    "student_disability_status",
]
SOURCES = {  # of a kind of corpus, and of the files of one key
    "corpus.trait_files": "ASAP++ from https://lwsam.github.io/ASAP++/lrec2018.html",
    "persuade": "PERSUADE 2.0 from https://github.com/scrosseye/persuade_corpus_2.0",
    "essay-br": "Essay-BR from https://github.com/rafaelanchieta/essay",
    "asap1": "ASAP 1.0 from https://www.kaggle.com/c/asap-aes/data",
    "asap2": "ASAP 2.0 from https://github.com/scrosseye/ASAP_2.0",
    "ellipse": "ELLIPSE from https://github.com/scrosseye/ELLIPSE-Corpus",
}

# The column names of the published files.
PUBLISHED = {
    "persuade": Columns(
        id="essay_id_comp",
        text="full_text",
        score="holistic_essay_score",
        prompt="prompt_name",
        split="competition_set",
        groups={group: group for group in PERSUADE_GROUPS},
    ),
    "asap2": Columns(
        id="essay_id",
        text="full_text",
        score="score",
        prompt="prompt_name",
        groups={group: group for group in PERSUADE_GROUPS},
    ),
    "ellipse": Columns(
        id="text_id_kaggle",
        text="full_text",
        score="Overall",
        prompt="prompt",
        split="set",
        groups={
            "gender": "gender",
            "race_ethnicity": "race_ethnicity",
            "economically_disadvantaged": "SES",
            "grade": "grade",
        },
        traits={
            "cohesion": "Cohesion",
            "syntax": "Syntax",
            "vocabulary": "Vocabulary",
            "phraseology": "Phraseology",
            "grammar": "Grammar",
            "conventions": "Conventions",
        },
    ),
    "essay-br": Columns(
        text="essay",
        score="score",
        prompt="prompt",
        traits={f"competence_{i}": f"competence {i}" for i in range(1, 6)},
    ),
}
ASAP_PLUS_PLUS = {  # traits of the sets of ASAP 1.0, and their columns in the files of ASAP++
    **dict.fromkeys(
        (1, 2),
        {
            "content": "Content",
            "organization": "Organization",
            "word_choice": "Word Choice",
            "sentence_fluency": "Sentence Fluency",
            "conventions": "Conventions",
        },
    ),
    **dict.fromkeys(
        (3, 4, 5, 6),
        {
            "content": "Content",
            "prompt_adherence": "Prompt Adherence",
            "language": "Language",
            "narrativity": "Narrativity",
        },
    ),
}
