"""One reader for all JSON: what it refuses, it refuses by name, and soon."""

import os
import threading
import time

import pytest

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError, parsed, read_document

REFUSED = {
    "nothing": ("", "no JSON"),
    "no JSON": ("{'a': 1}", "no JSON"),
    "not a number": ("[NaN]", "NaN is no number"),
    "infinity": ("[-Infinity]", "-Infinity is no number"),
    "beyond floats": ("[1e999]", "1e999 is larger than any float"),
    "400 digits": ("[" + "9" * 400 + "]", "larger than any float"),
    "5,000 digits": ("[" + "9" * 5000 + "]", "larger than any float"),
    "deep": ("[" * 100 + "]" * 100, "nested more than 64 levels"),
    "very deep": ("[" * 1_000_000, "nested more than 64 levels"),
    "deep objects": ('{"a":' * 200_000, "nested more than 64 levels"),
    "twice": ('{"a": 1, "a": 2}', "'a' stands twice"),
    "no text": (b"\xff\xfe{", "no JSON"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_document_holds_is_refused(case):
    content, problem = REFUSED[case]
    began = time.monotonic()
    with pytest.raises(BrokenDocumentError, match=problem):
        parsed(content)
    assert time.monotonic() - began < 1


def test_documents_are_read_as_they_are():
    assert parsed('{"a": [1, -2.5, true, null, "x"], "b": {}}') == {"a": [1, -2.5, True, None, "x"], "b": {}}
    assert parsed("[" * 64 + "]" * 64) is not None
    assert parsed("[NaN, 1.0]", allow_nan=True) == [None, 1.0]


def test_files_that_people_name_are_refused_by_the_name_of_the_field(tmp_path):
    (tmp_path / "large").write_bytes(b"[" + b" " * 2000 + b"]")
    (tmp_path / "bad").write_text("{")
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(10**12)
    for file in (tmp_path / "none", tmp_path / "large", tmp_path / "bad", tmp_path / "sparse", tmp_path, "/dev/zero"):
        with pytest.raises(InvalidFieldError) as refused:
            read_document("models", file, largest=1000)
        assert refused.value.field == "models"
        assert str(file) in refused.value.problem


def test_a_pipe_that_a_person_names_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("[1]",))
    writer.start()
    assert read_document("models", tmp_path / "pipe") == [1]
    writer.join()
