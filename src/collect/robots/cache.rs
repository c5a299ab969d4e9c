use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::{LONGEST_FILE, Robots};
use crate::collect::collector::Shared;
use crate::collect::error::FetchError;
use crate::collect::guard::check_length;
use crate::collect::http::{Answer, BodyLimit, Errand};
use crate::collect::visitor::Visitor;

/// How long a file is believed: RFC 9309 (2.4) allows a day.
const FRESH: Duration = Duration::from_hours(24);

/// How long a file that could not be read keeps its site closed. Short, for a daemon goes on when the site is back.
const UNREACHABLE: Duration = Duration::from_mins(10);

/// Most redirects from a `robots.txt`, as RFC 9309 (2.3.1.2) counts them; after that there is none.
const REDIRECTS: usize = 5;

/// The `robots.txt` of every origin that this process has asked. A file is fetched once, however many wait for it.
#[derive(Debug, Default)]
pub(in crate::collect) struct RobotsCache(Mutex<HashMap<String, Arc<Site>>>);

type Site = tokio::sync::Mutex<Option<Known>>;

#[derive(Debug)]
struct Known {
    rules: Result<Robots, Unreachable>,
    until: Instant,
}

/// Why a file could not be read.
#[derive(Debug, Clone)]
struct Unreachable(String);

impl RobotsCache {
    fn site(&self, url: &Url) -> Arc<Site> {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sites.entry(url.origin().ascii_serialization()).or_default())
    }
}

impl Shared {
    /// Whether an address may be asked: by the address guard, and by its site's `robots.txt`. A crawl-delay in it holds
    /// for the host from then on.
    pub(in crate::collect) async fn permit(
        &self,
        visitor: &Visitor,
        url: &Url,
    ) -> Result<(), FetchError> {
        self.check_address(visitor, url).await?;
        let site = self.robots.site(url);
        let mut known = site.lock().await;
        if known
            .as_ref()
            .is_none_or(|known| known.until <= Instant::now())
        {
            *known = Some(self.read_robots(visitor, url).await?);
        }
        match known.as_ref().map(|known| &known.rules) {
            Some(Ok(robots)) => self.obey(robots, url),
            Some(Err(Unreachable(reason))) => Err(FetchError::RobotsUnreachable {
                url: url.to_string(),
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }

    /// A twin is where the user says it is, so that it need not be public.
    async fn check_address(&self, visitor: &Visitor, url: &Url) -> Result<(), FetchError> {
        check_length(url)?;
        if self.has_twin(url) {
            return Ok(());
        }
        self.guard.check(&visitor.home, url).await
    }

    fn obey(&self, robots: &Robots, url: &Url) -> Result<(), FetchError> {
        let decision = robots.decide(&self.product_token, url.as_str());
        if let Some(asked) = decision.crawl_delay
            && !self.has_twin(url)
        {
            let delay = asked.min(self.settings.longest_crawl_delay);
            self.hosts.host(url).keep_crawl_delay(delay);
        }
        match decision.line {
            Some((number, line)) if !decision.allowed => Err(FetchError::DisallowedByRobots {
                url: url.to_string(),
                number,
                line,
            }),
            _ => Ok(()),
        }
    }

    /// Reads the file of a site. Only what says nothing about the site (the address guard's refusal) is an error.
    async fn read_robots(&self, visitor: &Visitor, url: &Url) -> Result<Known, FetchError> {
        let mut address = robots_address(url);
        let fresh = |robots| Known {
            rules: Ok(robots),
            until: Instant::now() + FRESH,
        };
        for _ in 0..=REDIRECTS {
            let answer = match self.check_address(visitor, &address).await {
                Ok(()) => {
                    let errand = Errand {
                        url: &address,
                        known: None,
                        body_limit: BodyLimit::Cut(LONGEST_FILE),
                        role: None,
                    };
                    self.get(visitor, &errand).await
                }
                Err(refused) => Err(refused),
            };
            match answer {
                Ok(Answer::Moved(target)) => address = target,
                Ok(Answer::Body { body, .. }) => {
                    let robots = Robots::parse(&String::from_utf8_lossy(&body));
                    return Ok(fresh(robots.only_for(&self.product_token)));
                }
                // These say nothing of the file; 429 is a 4xx by its number only.
                Err(
                    error @ (FetchError::Status { status: 429, .. }
                    | FetchError::Challenged {
                        status: 0..300 | 500..,
                        ..
                    }
                    | FetchError::HostPaused { .. }
                    | FetchError::HostFailing { .. }
                    | FetchError::BudgetSpent { .. }),
                ) => return Err(error),
                Ok(Answer::NotModified)
                | Err(
                    FetchError::Status {
                        status: 300..500, ..
                    }
                    | FetchError::Challenged {
                        status: 300..500, ..
                    },
                ) => return Ok(fresh(Robots::default())),
                Err(FetchError::AddressRefused { address, .. }) => {
                    return Err(FetchError::AddressRefused {
                        url: url.to_string(),
                        address,
                    });
                }
                Err(error) => {
                    return Ok(Known {
                        rules: Err(Unreachable(with_causes(&error))),
                        until: Instant::now() + UNREACHABLE,
                    });
                }
            }
        }
        Ok(fresh(Robots::default()))
    }
}

fn robots_address(url: &Url) -> Url {
    let mut robots = url.clone();
    robots.set_path("/robots.txt");
    robots.set_query(None);
    robots.set_fragment(None);
    robots
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |&error| error.source()) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    text
}
