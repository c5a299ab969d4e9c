//! The bodies of bulk requests: written once, and sent as often as it takes without a copy.

use std::io::Write;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::document::Document;
use crate::record::RecordId;

/// One piece of work in a request: to write a document, or to delete it.
#[derive(Debug, Clone)]
pub(super) struct Action {
    pub(super) record_id: RecordId,
    /// Both of its lines.
    lines: Range<usize>,
    /// Where the second one, the document, begins; at the end where there is none.
    source: usize,
}

/// A body, and which part of it is whose.
#[derive(Debug)]
pub(super) struct Request {
    body: Bytes,
    actions: Vec<Action>,
}

/// Work that is being written down, as requests of at most so many bytes and documents; a larger document goes alone.
pub(super) struct Requests {
    bytes: usize,
    documents: usize,
    full: Vec<Request>,
    body: Vec<u8>,
    actions: Vec<Action>,
}

impl Requests {
    pub(super) fn of_at_most(bytes: usize, documents: usize) -> Self {
        Self {
            bytes,
            documents,
            full: Vec::new(),
            body: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Makes room for so many bytes to come, so that they are not moved while they grow.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.body.reserve(bytes.min(self.bytes));
    }

    /// Writes a document, unless the index has a newer one.
    pub(super) fn index(
        &mut self,
        alias: &str,
        record_id: RecordId,
        revision: i64,
        document: &Document<'_>,
    ) {
        self.push(record_id, |body| {
            write_header(body, "index", alias, record_id, revision);
            let source = body.len();
            document.write(body);
            body.push(b'\n');
            source
        });
    }

    /// Deletes a document, unless the index has a newer one.
    pub(super) fn delete(&mut self, alias: &str, record_id: RecordId, revision: i64) {
        self.push(record_id, |body| {
            write_header(body, "delete", alias, record_id, revision);
            body.len()
        });
    }

    /// Deletes a document that stands for no record, under whatever id, where it was found: unless it is newer by now.
    pub(super) fn drop_stray(&mut self, index: &str, document_id: &str, revision: i64) {
        let header = json!({"delete": {
            "_index": index, "_id": document_id, "version": revision, "version_type": "external_gte",
        }});
        self.push(RecordId(Uuid::nil()), |body| {
            body.extend_from_slice(header.to_string().as_bytes());
            body.push(b'\n');
            body.len()
        });
    }

    /// All of it, in its order.
    pub(super) fn cut(mut self) -> Vec<Request> {
        self.end_request();
        self.full
    }

    /// Lets an action write its lines and tell where the second one begins.
    fn push(&mut self, record_id: RecordId, write: impl FnOnce(&mut Vec<u8>) -> usize) {
        let start = self.body.len();
        let source = write(&mut self.body);
        let end = self.body.len();
        let is_first = self.actions.is_empty();
        let (mut lines, mut source) = (start..end, source);
        if !is_first && (end > self.bytes || self.actions.len() >= self.documents) {
            let next = self.body.split_off(start);
            self.end_request();
            self.body = next;
            (lines, source) = (0..end - start, source - start);
        }
        self.actions.push(Action {
            record_id,
            lines,
            source,
        });
    }

    fn end_request(&mut self) {
        if self.actions.is_empty() {
            return;
        }
        self.full.push(Request {
            body: std::mem::take(&mut self.body).into(),
            actions: std::mem::take(&mut self.actions),
        });
    }
}

impl Request {
    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    pub(super) fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The document of an action, where it has one.
    pub(super) fn source(&self, action: &Action) -> Option<&[u8]> {
        Some(&self.body[action.source..action.lines.end]).filter(|source| !source.is_empty())
    }

    /// The alias that an action goes through, for messages.
    pub(super) fn alias(&self, action: &Action) -> String {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Header {
            Index(Place),
            Delete(Place),
        }
        #[derive(Deserialize)]
        struct Place {
            #[serde(rename = "_index")]
            index: String,
        }
        let header = &self.body[action.lines.start..action.source];
        match serde_json::from_slice(header).expect("headers are written here, as JSON") {
            Header::Index(place) | Header::Delete(place) => place.index,
        }
    }

    /// A request with these of its actions alone.
    pub(super) fn only(&self, actions: &[&Action]) -> Self {
        let mut body = Vec::with_capacity(actions.iter().map(|action| action.lines.len()).sum());
        let mut kept = Vec::with_capacity(actions.len());
        for action in actions {
            let moved = |place: usize| place - action.lines.start + body.len();
            kept.push(Action {
                record_id: action.record_id,
                lines: moved(action.lines.start)..moved(action.lines.end),
                source: moved(action.source),
            });
            body.extend_from_slice(&self.body[action.lines.clone()]);
        }
        Self {
            body: body.into(),
            actions: kept,
        }
    }

    /// The same in two requests; of a single action the first is empty.
    pub(super) fn halves(&self) -> [Self; 2] {
        let (first, second) = self.actions.split_at(self.actions.len() / 2);
        [first, second].map(|actions| self.only(&actions.iter().collect::<Vec<_>>()))
    }
}

/// Aliases are made of letters, digits, `-`, `_` and `.` (see [`Names`](super::names::Names)), so nothing is to be escaped.
fn write_header(body: &mut Vec<u8>, verb: &str, alias: &str, record_id: RecordId, revision: i64) {
    // Not `external`, which calls the same revision again a conflict: a replay is none.
    writeln!(
        body,
        r#"{{"{verb}":{{"_index":"{alias}","_id":"{record_id}","version":{revision},"version_type":"external_gte","require_alias":true}}}}"#
    )
    .expect("memory can be written to");
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::record::Kind;

    fn id(number: usize) -> RecordId {
        RecordId::of(Kind::Job, &[&number.to_string()])
    }

    /// Requests of actions with so many bytes each.
    fn requests(of: &[usize], bytes: usize, documents: usize) -> Vec<Request> {
        let mut requests = Requests::of_at_most(bytes, documents);
        for (number, bytes) in of.iter().enumerate() {
            requests.push(id(number), |body| {
                let source = body.len() + 2;
                body.extend_from_slice(b"{}");
                body.resize(source + bytes - 2, b' ');
                source
            });
        }
        requests.cut()
    }

    fn lengths(of: &[usize], bytes: usize, documents: usize) -> Vec<usize> {
        let requests = requests(of, bytes, documents);
        let lengths = requests.iter().map(|request| request.actions.len());
        lengths.collect()
    }

    #[test]
    fn requests_are_cut_by_bytes_and_by_count() {
        assert_eq!(lengths(&[100; 5], 1 << 20, 2), [2, 2, 1]);
        assert_eq!(lengths(&[100; 5], 200, 9), [2, 2, 1]);
        assert_eq!(lengths(&[9000, 10, 9000], 1000, 9), [1, 1, 1]);
        assert_eq!(lengths(&[], 1, 1), [0; 0]);
    }

    #[test]
    fn each_action_keeps_its_lines_wherever_it_goes() {
        let mut written = Requests::of_at_most(1 << 20, 4);
        for number in 0..6 {
            written.delete("trendy-job", id(number), 7);
        }
        let [first, second] = written.cut().try_into().unwrap();
        assert_eq!((first.actions.len(), second.actions.len()), (4, 2));
        let [_, back] = first.halves();
        let pending = back.only(&[&back.actions[1]]);
        for (request, place, number) in [(&second, 1, 5), (&back, 0, 2), (&pending, 0, 3)] {
            let action = &request.actions[place];
            assert_eq!(action.record_id, id(number));
            assert_eq!(request.alias(action), "trendy-job");
            assert_eq!(request.source(action), None);
            let line: Value = serde_json::from_slice(&request.body[action.lines.clone()]).unwrap();
            assert_eq!(
                line,
                json!({"delete": {"_index": "trendy-job", "_id": id(number), "version": 7,
                    "version_type": "external_gte", "require_alias": true}})
            );
        }
    }
}
