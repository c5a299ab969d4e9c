"""Times flashtext over the texts of `bench/terms`: `find.py FOLDER BYTES`; prints what benches/terms.rs prints."""

import pathlib
import sys
import time

from flashtext import KeywordProcessor

folder, limit = pathlib.Path(sys.argv[1]), int(sys.argv[2])
finder = KeywordProcessor()
for line in (folder / "spellings.tsv").read_text().splitlines():
    term, spelling = line.split("\t")
    finder.add_keyword(spelling, term)
for name in ("ko", "en", "dense-ko", "dense-en"):
    postings, size = [], 0
    for posting in (folder / f"{name}.txt").read_text().split("\0"):
        size += len(posting.encode())
        if size > limit:
            break
        postings.append(posting)
    size = sum(len(posting.encode()) for posting in postings)
    begun = time.perf_counter()
    found = sum(len(set(finder.extract_keywords(posting))) for posting in postings)
    print("flashtext", name, size, time.perf_counter() - begun, found, sep="\t")
