"""Any text ↔ text that SQS takes: not empty, and without most control characters.

Nearly every text is taken as it is. The rest travels as the inside of a JSON string behind a mark that no JSON begins
with, and `entry.queue`, which reads the events of every engine, takes it back.

SQS answers InvalidMessageContents for characters outside of the set in
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import re

import orjson

_MARK = "\ue000"
_REFUSED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode_text(text: str) -> str:
    """`text` such that SQS takes it; longer only when it has to be changed."""
    return _escaped(text) if not text or text.startswith(_MARK) or _REFUSED.search(text) else text


def encode_mark(text: str) -> str:
    """The same for engines that take any text: only what begins like changed text has to be changed."""
    return _escaped(text) if text.startswith(_MARK) else text


def decode_text(text: str) -> str:
    """What `encode_text` or `encode_mark` was given; a mark that they did not make is left alone."""
    if not text.startswith(_MARK):
        return text
    try:
        decoded: str = orjson.loads(f'"{text[1:]}"')
    except orjson.JSONDecodeError:
        return text
    return decoded


def _escaped(text: str) -> str:
    inside = orjson.dumps(text).decode()[1:-1]
    return _MARK + inside.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
