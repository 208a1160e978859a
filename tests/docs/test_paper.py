"""The draft of the paper: its numbers are those of recorded results, its references are there, its length fits JOSS."""

import json
import re

import yaml

from tests.docs.written import ROOT

PAPER = (ROOT / "paper" / "paper.md").read_text(encoding="utf-8")
REFERENCES = (ROOT / "paper" / "paper.bib").read_text(encoding="utf-8")
NUMBER = r"-?\d*\.\d+|-?\d+"
MARKED = re.compile(rf"({NUMBER})(?: ± ({NUMBER}))?<!-- ([\w-]+): (.*?) / (.*?) -->")


def recorded(table, instance, arm):
    data = json.loads((ROOT / "tuned_examples" / "results" / f"{table}.json").read_text(encoding="utf-8"))
    (found,) = [each for each in data["arms"] if (each["instance"], each["arm"]) == (instance, arm)]
    return found


def rounded(value, shown):
    """As precisely as it is shown."""
    return round(value, len(shown.partition(".")[2]))


def test_its_numbers_are_recorded_ones():
    marked = MARKED.findall(PAPER)
    for mean, error, *place in marked:
        found = recorded(*place)
        assert rounded(found["mean"], mean) == float(mean), place
        if error:
            assert rounded(found["error"], error) == float(error), place
    assert len(marked) >= 10


def test_no_other_number_stands_in_its_results():
    section = PAPER[PAPER.index("# Research impact") : PAPER.index("# AI usage")]
    rest = re.sub(r"@\w+|`[^`]*`", "", MARKED.sub("", section))
    assert not re.findall(r"\d+", rest)


def test_references_are_those_that_are_cited():
    assert set(re.findall(r"@(\w+)", PAPER.partition("---\n\n")[2])) == set(
        re.findall(r"^@\w+\{(\w+),", REFERENCES, re.M)
    )


def test_its_head_is_what_the_journal_reads():
    head = yaml.safe_load(PAPER.split("---\n")[1])
    places = {place["index"] for place in head["affiliations"]}
    assert head["authors"]
    assert all(author["name"] and author["affiliation"] in places for author in head["authors"])
    assert all(isinstance(tag, str) for tag in head["tags"])
    assert (ROOT / "paper" / head["bibliography"]).exists()
    assert {"title", "date"} <= head.keys()


def test_references_name_their_work_and_where_it_is_found():
    for kind, entry in re.findall(r"^@(\w+)\{(.*?)^\}", REFERENCES, re.M | re.S):
        fields = set(re.findall(r"^  (\w+) = \{[^\n]+\},?$", entry, re.M))
        assert {"title", "author", "year"} <= fields, entry
        assert fields & {"doi", "eprint", "url", "pages"}, entry
        assert {"article": "journal", "inproceedings": "booktitle"}.get(kind, "title") in fields, entry
        assert "others" not in entry


def test_its_length_is_what_the_journal_takes():
    words = re.sub(r"<!--.*?-->", "", PAPER.partition("---\n\n")[2]).split()
    assert 750 <= len(words) <= 1750
    for section in ("Summary", "Statement of need", "State of the field", "Software design", "References"):
        assert f"# {section}\n" in PAPER
