"""Which texts are accepted, and which look broken."""

from diptych.data.findings import FaultError, Finding

MAX_TEXT_BYTES = 1_000_000
"""The longest text that is accepted, in bytes of UTF-8: some 150,000 English words."""

_ALLOWED_CONTROLS = "\t\n\r"
_JSON_KINDS = {"NoneType": "null", "bool": "true or false", "int": "a number", "float": "a number", "str": "a text"}


def accepted_text(text: str, *, where: str) -> str:
    """Return `text` without the blanks around it; `FaultError` when nothing can encode it.

    That is when it is empty, longer than `MAX_TEXT_BYTES` or holds half a letter, as no text in UTF-8 does.
    """
    stripped = text.strip()
    if not stripped:
        raise FaultError(Finding("empty text", where, "the text is empty", "Write a text, or leave it out."))
    if (size := len(stripped.encode("utf-8", "surrogatepass"))) > MAX_TEXT_BYTES:
        what = f"the text has {size:,} bytes, more than the limit of {MAX_TEXT_BYTES:,}"
        raise FaultError(Finding("long text", where, what, "Shorten it, or split it into several texts."))
    if lone := lone_surrogate(stripped):
        what = f"in {stripped[:60]!r}, it holds the lone surrogate {lone}"
        raise FaultError(Finding("encoding", where, what, "Save the original as UTF-8 again."))
    return stripped


def kind_of_json(value: object) -> str:
    """Return what a value of JSON is, for a message.

    >>> kind_of_json(None), kind_of_json([1])
    ('null', 'a list')
    """
    kind = type(value).__name__
    return _JSON_KINDS.get(kind, f"a {kind}")


def encoding_fault(text: str) -> str:
    """Return what looks wrong with a text's encoding, or nothing.

    Found are replacement characters, control characters, lone surrogates, and UTF-8 that was once read as
    Windows-1252 and so survives the way back. Intact text hardly ever does.

    >>> encoding_fault("cafÃ©")
    'it was UTF-8 read as Windows-1252'
    >>> encoding_fault("café")
    ''
    """
    if "\ufffd" in text:
        return "it holds the replacement character U+FFFD"
    if lone := lone_surrogate(text):
        return f"it holds the lone surrogate {lone}"
    for letter in text:
        if (letter < " " and letter not in _ALLOWED_CONTROLS) or "\x7f" <= letter <= "\x9f":
            return f"it holds the control character U+{ord(letter):04X}"
    return "it was UTF-8 read as Windows-1252" if _is_misread(text) else ""


def lone_surrogate(text: str) -> str:
    """Return the first half of a letter in a text, as U+XXXX; nothing where there is none.

    >>> lone_surrogate("caf" + chr(0xDCE9))
    'U+DCE9'
    """
    return next((f"U+{ord(letter):04X}" for letter in text if "\ud800" <= letter <= "\udfff"), "")


def _is_misread(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return False
    return True
