"""Times spaCy's PhraseMatcher over the texts of `bench/terms`: `find.py FOLDER BYTES`; prints what benches/terms.rs prints.

A blank pipeline: the tokenizer alone, and phrases matched by their letters in lower case.
"""

import pathlib
import sys
import time

import spacy
from spacy.matcher import PhraseMatcher

folder, limit = pathlib.Path(sys.argv[1]), int(sys.argv[2])
language = spacy.blank("xx")
finder = PhraseMatcher(language.vocab, attr="LOWER")
for line in (folder / "spellings.tsv").read_text().splitlines():
    term, spelling = line.split("\t")
    finder.add(term, [language.make_doc(spelling)])
for name in ("ko", "en", "dense-ko", "dense-en"):
    postings, size = [], 0
    for posting in (folder / f"{name}.txt").read_text().split("\0"):
        size += len(posting.encode())
        if size > limit:
            break
        postings.append(posting)
    size = sum(len(posting.encode()) for posting in postings)
    begun = time.perf_counter()
    found = sum(len({match[0] for match in finder(language.make_doc(posting))}) for posting in postings)
    print("spaCy", name, size, time.perf_counter() - begun, found, sep="\t")
