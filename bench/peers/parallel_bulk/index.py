"""The bench's documents through elasticsearch-py's parallel_bulk: `python index.py SERVER ALIAS DOCUMENTS`.

DOCUMENTS holds a document a line: id, version and source, with tabs between. All are decoded before the clock starts.
Prints seconds and CPU seconds from the first document to the last answer.
"""

import json
import sys
import time

from elasticsearch import Elasticsearch
from elasticsearch.helpers import parallel_bulk


def read(path, alias):
    with open(path, "rb") as lines:
        for line in lines:
            record, version, source = line.split(b"\t", 2)
            yield {
                "_op_type": "index",
                "_index": alias,
                "_id": record.decode(),
                "version": int(version),
                "version_type": "external_gte",
                "require_alias": True,
                "_source": json.loads(source),
            }


def main():
    server, alias, documents = sys.argv[1:]
    client = Elasticsearch(server, request_timeout=60)
    client.info()
    actions = list(read(documents, alias))

    started, before = time.monotonic(), time.process_time()
    # With the default four threads and 500 documents a request; a document that is refused raises.
    for _ in parallel_bulk(client, actions):
        pass
    print(time.monotonic() - started, time.process_time() - before)


if __name__ == "__main__":
    main()
