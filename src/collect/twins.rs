use url::{Origin, Url};

/// Local servers that stand in for real ones: tests and `demo` run pipelines as they are, without the network.
///
/// Only the wire knows of a twin. Requests, pages, records and messages keep the real address.
#[derive(Debug, Clone, Default)]
pub struct Twins(Vec<Twin>);

#[derive(Debug, Clone)]
struct Twin {
    real: Url,
    base: Url,
}

/// A pair that names no twin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TwinError {
    /// There is no `=`.
    #[error("twin `{0}` is not ORIGIN=BASE, such as `https://example.com=http://127.0.0.1:8080`")]
    NotAPair(String),
    /// One side is no address.
    #[error("twin `{pair}`: `{address}` is not an http or https address ({reason})")]
    Address {
        /// The pair as given.
        pair: String,
        /// The side that is wrong.
        address: String,
        /// Why.
        reason: String,
    },
    /// The left side says more than an origin.
    #[error("twin `{pair}`: `{origin}` is more than an origin; give `{}`", .known)]
    NotAnOrigin {
        /// The pair as given.
        pair: String,
        /// Its left side.
        origin: String,
        /// The origin in it.
        known: String,
    },
    /// A base is a folder.
    #[error(
        "twin `{pair}`: base `{base}` has a query or a fragment; give scheme, host, port and path only"
    )]
    NotABase {
        /// The pair as given.
        pair: String,
        /// Its right side.
        base: String,
    },
    /// One origin, two twins.
    #[error("`{0}` has two twins; give one")]
    Twice(String),
}

impl Twins {
    /// Reads pairs `ORIGIN=BASE`.
    pub fn parse<S: AsRef<str>>(pairs: impl IntoIterator<Item = S>) -> Result<Self, TwinError> {
        let mut twins = Self::default();
        for pair in pairs {
            let twin = Twin::parse(pair.as_ref())?;
            if twins.of(&twin.real).is_some() {
                return Err(TwinError::Twice(twin.real.origin().ascii_serialization()));
            }
            twins.0.push(twin);
        }
        Ok(twins)
    }

    /// Hosts of the twins.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|twin| twin.base.host_str())
    }

    /// Whether an address on the wire is at the place of a twin.
    pub(super) fn stand_at(&self, wire: &Url) -> bool {
        let is_there = |twin: &Twin| {
            twin.base.host() == wire.host()
                && twin.base.port_or_known_default() == wire.port_or_known_default()
        };
        self.0.iter().any(is_there)
    }

    /// Where the twin of an address is, if its origin has one.
    pub(super) fn outgoing(&self, real: &Url) -> Option<Url> {
        let twin = self.of(real)?;
        let mut wire = twin.base.clone();
        wire.set_path(&format!("{}{}", twin.folder(), real.path()));
        wire.set_query(real.query());
        Some(wire)
    }

    /// The real address of one on the wire. Where several origins share a twin, it is that of the address asked for.
    pub(super) fn incoming(&self, asked: &Url, wire: Url) -> Url {
        let asked = asked.origin();
        let twin = self
            .0
            .iter()
            .filter(|twin| twin.path_of(&wire).is_some())
            .max_by_key(|twin| (twin.real.origin() == asked, twin.folder().len()));
        let Some((twin, path)) = twin.and_then(|twin| Some((twin, twin.path_of(&wire)?))) else {
            return wire;
        };
        let mut real = twin.real.clone();
        real.set_path(path);
        real.set_query(wire.query());
        real.set_fragment(wire.fragment());
        real
    }

    fn of(&self, real: &Url) -> Option<&Twin> {
        let origin = real.origin();
        self.0.iter().find(|twin| twin.real.origin() == origin)
    }
}

impl Twin {
    fn parse(pair: &str) -> Result<Self, TwinError> {
        let (real, base) = pair
            .split_once('=')
            .ok_or_else(|| TwinError::NotAPair(pair.to_owned()))?;
        let address = |text: &str| {
            let wrong = |reason: String| TwinError::Address {
                pair: pair.to_owned(),
                address: text.trim().to_owned(),
                reason,
            };
            let url = Url::parse(text.trim()).map_err(|error| wrong(error.to_string()))?;
            match url.scheme() {
                "http" | "https" => Ok(url),
                other => Err(wrong(format!("its scheme is `{other}`"))),
            }
        };
        let (real, base) = (address(real)?, address(base)?);
        let origin = real.origin().ascii_serialization();
        if real.as_str() != format!("{origin}/") {
            return Err(TwinError::NotAnOrigin {
                pair: pair.to_owned(),
                origin: real.into(),
                known: origin,
            });
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(TwinError::NotABase {
                pair: pair.to_owned(),
                base: base.into(),
            });
        }
        Ok(Self { real, base })
    }

    fn folder(&self) -> &str {
        self.base.path().trim_end_matches('/')
    }

    /// The path of a wire address below the base, if it is there.
    fn path_of<'a>(&self, wire: &'a Url) -> Option<&'a str> {
        let here: Origin = self.base.origin();
        if wire.origin() != here {
            return None;
        }
        let path = wire.path().strip_prefix(self.folder())?;
        (path.is_empty() || path.starts_with('/')).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_address_goes_to_its_twin_and_comes_back() {
        let twins = Twins::parse(["https://boards.example=http://127.0.0.1:4000/boards/"]).unwrap();
        let real = url("https://boards.example/v1/jobs?key=${KEY}&q=%EC%84%9C");
        let wire = twins.outgoing(&real).unwrap();
        assert_eq!(
            wire.as_str(),
            "http://127.0.0.1:4000/boards/v1/jobs?key=${KEY}&q=%EC%84%9C"
        );
        assert_eq!(twins.incoming(&real, wire), real);
    }

    #[test]
    fn addresses_without_a_twin_stay() {
        let twins = Twins::parse(["https://boards.example=http://127.0.0.1:4000/boards"]).unwrap();
        let asked = url("https://boards.example/");
        assert_eq!(twins.outgoing(&url("http://boards.example/")), None);
        assert_eq!(twins.outgoing(&url("https://boards.example:8443/")), None);
        for other in [
            "http://127.0.0.1:4001/boards/a",
            "http://127.0.0.1:4000/boardset/a",
        ] {
            assert_eq!(twins.incoming(&asked, url(other)), url(other));
        }
    }

    #[test]
    fn origins_that_share_a_twin_are_told_apart_by_who_was_asked() {
        let twins = Twins::parse([
            "https://a.example=http://127.0.0.1:4000",
            "https://b.example=http://127.0.0.1:4000",
        ])
        .unwrap();
        for origin in ["https://a.example/", "https://b.example/"] {
            let real = twins.incoming(&url(origin), url("http://127.0.0.1:4000/x#y"));
            assert_eq!(real, url(&format!("{origin}x#y")));
        }
    }

    #[test]
    fn what_is_no_twin_is_told_with_its_reason() {
        let message = |pair: &str| Twins::parse([pair]).unwrap_err().to_string();
        for (pair, part) in [
            ("https://a.example", "is not ORIGIN=BASE"),
            (
                "a.example=http://127.0.0.1:1",
                "`a.example` is not an http or https address",
            ),
            ("https://a.example=ftp://127.0.0.1", "its scheme is `ftp`"),
            (
                "https://a.example/jobs=http://127.0.0.1:1",
                "give `https://a.example`",
            ),
            ("https://a.example=http://127.0.0.1:1/?x", "has a query"),
        ] {
            assert!(message(pair).contains(part), "{}", message(pair));
        }
        let twice = [
            "https://a.example=http://x:1",
            "https://a.example:443/=http://x:2",
        ];
        assert_eq!(
            Twins::parse(twice).unwrap_err(),
            TwinError::Twice("https://a.example".to_owned())
        );
    }
}
