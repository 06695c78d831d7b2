"""Essay-BR: the scores of five competences, which its files print as one list."""

from __future__ import annotations

from dataclasses import replace

from cyborg_utils.corpus.corpus_files import Source
from cyborg_utils.corpus.table_files import TableError, check_columns, row_number
from cyborg_utils.study.schema.columns import Columns
from cyborg_utils.study.schema.published import PUBLISHED

COMPETENCES = "competence"  # the column of lists such as [120, 120, 80, 80, 120]


def with_competences(source: Source, columns: Columns) -> Source:
    """A file with a column for each competence, where the study uses some as traits.

    Raises
    ------
    TableError
        An essay's list has another number of scores.
    """
    if not columns.traits:
        return source
    names = list(PUBLISHED["essay-br"].traits.values())
    check_columns([COMPETENCES], source.rows, source.name, "corpus.traits")
    lists = source.rows[COMPETENCES].fillna("").str.findall(r"\d+(?:\.\d+)?")
    sizes = lists.str.len()
    wrong = (sizes != len(names)) & (sizes > 0)
    if wrong.any():
        row = row_number(wrong.idxmax())
        raise TableError(
            f"{source.name}: column {COMPETENCES!r} has {int(wrong.sum()):,} lists that are not of "
            f"{len(names)} scores (first: row {row}): correct them, or leave corpus.traits out"
        )
    scores = {name: lists.str[i] for i, name in enumerate(names)}
    return replace(source, rows=source.rows.assign(**scores))
