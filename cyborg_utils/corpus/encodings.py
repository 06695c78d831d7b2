"""The bytes of a file as text: unpacked, with the encoding detected from all of them.

An encoding `a+b`, such as `utf-8+cp1252`, is a with the few bytes that are not a read as b.
Faults are FileFaults; `table_files` turns them into errors that name the file.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, TextIO

BLOCK = 2**20  # bytes of a file that are decoded at once
SAMPLE = 2**22  # bytes, of the lines that are not ASCII, that the library reads
GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
MARKS = {  # byte order marks; those of UTF-32 start like those of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NO_TABLES = {  # the first bytes, in small letters, of files that hold no table
    b"\xd0\xcf\x11\xe0": "an old Excel workbook, or one with a password",
    b"%pdf": "a PDF file",
    b"{\\rtf": "a text document",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"<table": "a web page",
    b"<?xml": "an XML file",
    b"version https://git-lfs": "a pointer of Git LFS, which `git lfs pull` replaces by the file",
}
LEGACY = (
    "cp1252", "cp1250", "cp1251", "koi8_r", "gb18030", "big5", "cp932", "euc_jp", "cp949",
    "cp1253", "cp1254", "cp1255", "cp1256", "cp874", "mac_roman",
)  # fmt: skip
CARONS = frozenset("ŠšŽž")  # frequent in Czech, Slovak and Slovene, rare in the languages of cp1252
ESCAPED = re.compile("[\udc80-\udcff]")  # a byte that is not of the encoding
SYMBOL_IN_WORD = re.compile(r"[^\W\d_][\u00a1-\u00bf][^\W\d_]")
WESTERN = "cp1252+latin-1"  # cp1252, with the five bytes that have no character in it


class FileFault(ValueError):
    """What is wrong with a file, without its name, and the remedy."""


def file_format(path: Path) -> str:
    """What a file is by its first bytes, whatever its name: `text`, `workbook` or `parquet`."""
    with open(path, "rb") as file:
        start = file.read(64)
    if start.startswith(PARQUET):
        return "parquet"
    plain = start.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if kind := next((kind for mark, kind in NO_TABLES.items() if plain.startswith(mark)), None):
        raise FileFault(f"this is {kind}: save the table as CSV, UTF-8, or as .xlsx")
    if not start.startswith(ZIP):
        return "text"
    names = _members(path)
    if "mimetype" in names:
        raise FileFault("this is an OpenDocument file: save it as .xlsx, or as CSV, UTF-8")
    return "workbook" if "[Content_Types].xml" in names else "text"


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile:
        raise FileFault("this is a broken ZIP file or workbook: save it again") from None


def packed_name(path: Path) -> str | None:
    """The one file in a ZIP file; None for a file that is none.

    Raises
    ------
    FileFault
        There are several files in it, or none.
    """
    with open(path, "rb") as file:
        if file.read(4) != ZIP:
            return None
    hidden = ("__MACOSX/", ".")
    names = [n for n in _members(path) if not n.endswith("/") and not n.startswith(hidden)]
    if len(names) != 1:
        shown = ", ".join(map(repr, names[:4])) or "none"
        raise FileFault(f"the ZIP file has {len(names)} files ({shown}): unpack the one to read")
    return names[0]


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked where it is a gzip file or a ZIP file of one file."""
    if name := packed_name(path):
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            yield file
        return
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP
        file.seek(0)
        if not packed:
            yield file
            return
        with gzip.open(file) as unpacked:
            yield unpacked


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """The text of a file with its line ends as they are; a byte that is not of the encoding stands
    in it as a lone surrogate, which `mended` and `foreign_bytes` know."""
    base = encoding.split("+")[0]
    if codecs.lookup(base).name == "utf-8":
        base = "utf-8-sig"
    with open_bytes(path) as file:
        yield io.TextIOWrapper(file, base, errors="surrogateescape", newline="")


def foreign_bytes(text: str) -> list[int]:
    """The bytes of a text that are not of its encoding."""
    if text.isascii():
        return []
    return [ord(char) - 0xDC00 for char in ESCAPED.findall(text)]


def mended(text: str, encoding: str) -> str:
    """A text with its foreign bytes read in the second encoding of `a+b`."""
    if text.isascii() or "+" not in encoding:
        return text
    return text.translate(_bytes_of(encoding.split("+")[1]))


@cache
def _bytes_of(encoding: str) -> dict[int, str]:
    """The character of each byte as it stands in a text; of latin-1 where there is none."""
    decoded = {}
    for byte in range(0x80, 0x100):
        character = bytes([byte]).decode(encoding, errors="ignore")
        decoded[0xDC00 + byte] = character or chr(byte)
    return decoded


def check_encoding(encoding: str) -> None:
    """Raise a FileFault where an encoding has no such name."""
    for name in encoding.split("+"):
        try:
            "".encode(name)
        except LookupError:
            raise FileFault(
                f"no encoding is called {name!r}: set corpus.encoding to another one, such as "
                "utf-8, cp1252 or gb18030, or leave it out, so that it is detected"
            ) from None


# ---------------------------------------------------------------- detection


def detect_encoding(path: Path, legacy: str | None = None) -> str:
    """The encoding of a text file, from all of its bytes.

    That of its byte order mark; UTF-8 where all bytes are; UTF-16 by its null bytes; UTF-8 with
    some bytes of cp1252 where at least half of the characters beyond ASCII are UTF-8; otherwise
    what the library charset-normalizer finds, with cp1252 first where it reads as well.

    Parameters
    ----------
    legacy : the encoding of a file that is not Unicode, where it is known.

    Raises
    ------
    FileFault
        It is not a text file.
    """
    if marked := byte_order_mark(path):
        if _decodes(path, marked):
            return marked
        if marked == "utf-8-sig":
            return "utf-8+cp1252"
        raise FileFault(f"broken {marked.upper()}: save it as CSV, UTF-8")
    if any(b"\0" in block for block in _blocks(path)):
        return _unmarked_utf_16(path)
    if _decodes(path, "utf-8"):
        return "utf-8"
    return legacy or _legacy(path)


def byte_order_mark(path: Path) -> str | None:
    """The encoding that the first bytes of a file name; None where they name none."""
    with open_bytes(path) as file:
        start = file.read(4)
    return next((name for mark, name in MARKS.items() if start.startswith(mark)), None)


def _blocks(path: Path) -> Iterator[bytes]:
    with open_bytes(path) as file:
        while block := file.read(BLOCK):
            yield block


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in _blocks(path):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _unmarked_utf_16(path: Path) -> str:
    """The byte order in which a file of UTF-16 has line ends, no null and most ASCII."""
    sizes = {}
    for encoding in ("utf-16-le", "utf-16-be"):
        if _decodes(path, encoding):
            with open_bytes(path) as file:
                text = file.read(BLOCK).decode(encoding, errors="ignore")
            if "\0" not in text and re.search("[\n\r]", text):
                sizes[encoding] = sum(char.isascii() for char in text)
    if not sizes:
        raise FileFault(
            "it contains a null byte, so it is not a text file: remove the byte, or save the file "
            "as CSV, UTF-8"
        )
    return max(sizes, key=sizes.get)


def _legacy(path: Path) -> str:
    """The encoding of a file that is not UTF-8, or not all of it."""
    n_utf_8, n_foreign, beyond = 0, 0, []
    size = 0
    with open_bytes(path) as file:
        for line in (part for block in file for part in block.split(b"\r")):
            if line.isascii():
                continue
            text = line.decode("utf-8", errors="surrogateescape")
            foreign = len(ESCAPED.findall(text))
            n_foreign += foreign
            n_utf_8 += sum(not char.isascii() for char in text) - foreign
            if size < SAMPLE:
                beyond.append(line)
                size += len(line)
    if n_utf_8 >= n_foreign:
        return "utf-8+cp1252"
    names = _by_library(b"\n".join(beyond))
    return next((name for name in names if _decodes(path, name)), WESTERN)


def _by_library(sample: bytes) -> list[str]:
    """The encodings in which a sample reads as a language, best first."""
    from charset_normalizer import from_bytes

    results = list(from_bytes(sample, cp_isolation=list(LEGACY), enable_fallback=False))
    if not results:
        return ["cp1252"]
    names = [result.encoding for result in results]
    best = results[0].could_be_from_charset
    if "cp1252" in best or (names[0] in ("cp1250", "cp1254") and _reads_western(sample)):
        return ["cp1252", *names]
    return [*names, "cp1252"]


def _reads_western(sample: bytes) -> bool:
    """Whether a sample that may be cp1250 reads as well in cp1252: no signs such as ³ inside words,
    and few letters with a caron."""
    text = sample.decode("cp1252", errors="replace")
    letters = [char for char in text if not char.isascii() and char.isalpha()]
    carons = sum(char in CARONS for char in letters)
    return not SYMBOL_IN_WORD.search(text) and "\ufffd" not in text and carons <= len(letters) / 20
