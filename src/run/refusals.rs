use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::cause::with_causes;
use crate::collect::FetchError;
use crate::record::Role;

/// Refusals in a row after which a run asks no more: one or two pages may be for members only, five are for no one.
const MOST_REFUSALS: u32 = 5;

/// Counts how often in a row a run was refused, whichever host did it: a list whose entries are spread over many hosts
/// goes on as long as some of them answer.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Of the list's pages and of those behind its entries: a list that can be read says nothing of its entries.
    in_a_row: [AtomicU32; 2],
    verdict: Mutex<Option<String>>,
}

impl Refusals {
    /// Notes what came of a request. One that failed otherwise says nothing.
    pub(super) fn note<T>(&self, role: &Role, answer: &Result<T, FetchError>) {
        let in_a_row = &self.in_a_row[usize::from(matches!(role, Role::Detail { .. }))];
        let error = match answer {
            Ok(_) => return in_a_row.store(0, Ordering::Relaxed),
            Err(error) if error.is_refusal() => error,
            Err(_) => return,
        };
        if in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_REFUSALS {
            let mut verdict = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
            verdict.get_or_insert_with(|| {
                format!(
                    "{MOST_REFUSALS} pages in a row were refused, and no more were asked for: {}",
                    with_causes(error)
                )
            });
        }
    }

    /// Why the run has to end, once it has.
    pub(super) fn verdict(&self) -> Option<String> {
        self.verdict
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: Role = Role::List { number: 1 };

    fn answered(status: u16) -> Result<(), FetchError> {
        Err(FetchError::Status {
            url: "https://a.example/x".to_owned(),
            status,
            retry_after: None,
        })
    }

    #[test]
    fn a_run_ends_after_five_refusals_in_a_row() {
        let refusals = Refusals::default();
        for status in [401, 403, 429, 404, 403] {
            refusals.note(&LIST, &answered(status));
        }
        assert_eq!(refusals.verdict(), None);
        refusals.note(&LIST, &answered(403));
        let verdict = refusals.verdict().unwrap();
        assert!(verdict.starts_with("5 pages in a row"), "{verdict}");
        assert!(verdict.contains("https://a.example/x answered 403"));
        refusals.note(&LIST, &Ok(()));
        assert!(refusals.verdict().is_some(), "it is final");
    }

    #[test]
    fn an_answer_in_between_lets_it_go_on() {
        let refusals = Refusals::default();
        for _ in 0..5 {
            for _ in 0..4 {
                refusals.note(&LIST, &answered(403));
            }
            refusals.note(&LIST, &Ok(()));
        }
        assert_eq!(refusals.verdict(), None);
    }

    #[test]
    fn what_robots_txt_closes_is_no_refusal() {
        let refusals = Refusals::default();
        for _ in 0..20 {
            let error = FetchError::DisallowedByRobots {
                url: "https://a.example/x".to_owned(),
                number: 2,
                line: "disallow: /x".to_owned(),
            };
            refusals.note(&LIST, &Err::<(), _>(error));
        }
        assert_eq!(refusals.verdict(), None);
    }
}
