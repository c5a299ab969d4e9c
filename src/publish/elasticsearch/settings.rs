use std::fmt;
use std::time::Duration;

use elasticsearch::auth::Credentials;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use jiff::SignedDuration;
use url::{Host, Url};

/// Where the indices are and how they are written.
#[derive(Clone)]
pub struct ElasticsearchSettings {
    /// The nodes of one cluster, `http` or `https`; at least one. A user and a password in an address are sent as basic
    /// authentication and never shown.
    pub nodes: Vec<Url>,
    /// An API key, sent in place of a user and a password: as Kibana shows it (Base64), or `ID:KEY`. White space around it,
    /// such as the line break at the end of a secret's file, is no part of it. Default: none.
    pub api_key: Option<String>,
    /// Certificates of authorities to trust besides the public ones, PEM. Default: none.
    pub authorities: Option<Vec<u8>>,
    /// First part of every index name. Lower-case letters, digits, `-`, `_`; a letter or digit first. Default `trendy`.
    pub index_prefix: String,
    /// Longest time from connecting to the end of an answer. Default 30 s; the client itself knows no limit.
    pub timeout: Duration,
    /// Attempts at one request while the server is busy or away. Default 6, which wait some eight seconds together.
    pub attempts: u32,
    /// Bytes after which a bulk request is cut; a larger document goes alone. Default 5 MiB, where throughput levels off.
    pub request_bytes: usize,
    /// Documents after which a bulk request is cut. Default 1000, so that one answer stays small.
    pub request_documents: usize,
    /// How long readings are kept, from the instant that they are valid at; by whole months. None, the default, for ever.
    pub weather_keep: Option<SignedDuration>,
    /// Whether requests are compressed. None, the default, means so unless the server is on loopback, where compressing
    /// costs more time than it saves.
    pub gzip: Option<bool>,
}

impl ElasticsearchSettings {
    /// The defaults at this server.
    pub fn at(url: Url) -> Self {
        Self::of(vec![url])
    }

    /// The defaults at the nodes of a cluster.
    pub fn of(nodes: Vec<Url>) -> Self {
        Self {
            nodes,
            api_key: None,
            authorities: None,
            index_prefix: "trendy".to_owned(),
            timeout: Duration::from_secs(30),
            attempts: 6,
            request_bytes: 5 * 1024 * 1024,
            request_documents: 1000,
            weather_keep: None,
            gzip: None,
        }
    }

    pub(super) fn validate(&self) -> Result<(), InvalidSettings> {
        if self.nodes.is_empty() {
            return Err(InvalidSettings::Url {
                address: String::new(),
            });
        }
        for node in &self.nodes {
            if !matches!(node.scheme(), "http" | "https") || !node.has_host() {
                return Err(InvalidSettings::Url {
                    address: address(node),
                });
            }
        }
        self.validate_credentials()?;
        let prefix = &self.index_prefix;
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        // The server takes names of 255 bytes; ours add the kind, a month and a number.
        if !prefix.starts_with(is_plain)
            || !prefix
                .chars()
                .all(|c| is_plain(c) || matches!(c, '-' | '_'))
            || prefix.len() > 200
        {
            return Err(InvalidSettings::IndexPrefix {
                prefix: prefix.clone(),
            });
        }
        Ok(())
    }

    /// A header has no room for control characters, and the client takes it for granted that there are none.
    fn validate_credentials(&self) -> Result<(), InvalidSettings> {
        let is_of_a_key = |c: char| c.is_ascii_graphic();
        if let Some(key) = self.trimmed_key()
            && (key.is_empty() || !key.chars().all(is_of_a_key))
        {
            return Err(InvalidSettings::ApiKey);
        }
        for node in &self.nodes {
            let parts = [node.username(), node.password().unwrap_or_default()];
            let has_control = |part: &str| percent_decoded(part).contains(char::is_control);
            if parts.into_iter().any(has_control) {
                let address = address(node);
                return Err(InvalidSettings::Credentials { address });
            }
        }
        Ok(())
    }

    fn trimmed_key(&self) -> Option<&str> {
        self.api_key.as_deref().map(str::trim)
    }

    /// Each node's address, without user and password, and the way to it.
    pub(super) fn transports(&self) -> Result<Vec<(String, Transport)>, InvalidSettings> {
        let transport = |node: &Url| Ok((address(node), self.transport(node)?));
        self.nodes.iter().map(transport).collect()
    }

    fn transport(&self, node: &Url) -> Result<Transport, InvalidSettings> {
        let invalid = |reason: elasticsearch::Error| InvalidSettings::Client {
            address: address(node),
            reason: reason.to_string(),
        };
        let is_local = is_loopback(node);
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(bare(node)))
            .timeout(self.timeout)
            .enable_meta_header(false)
            .request_body_compression(self.gzip.unwrap_or(!is_local));
        if is_local {
            builder = builder.disable_proxy();
        }
        if let Some(credentials) = self.credentials(node) {
            builder = builder.auth(credentials);
        }
        if let Some(authorities) = &self.authorities {
            let authorities = Certificate::from_pem(authorities).map_err(invalid)?;
            builder = builder.cert_validation(CertificateValidation::Full(authorities));
        }
        builder.build().map_err(|error| InvalidSettings::Client {
            address: address(node),
            reason: error.to_string(),
        })
    }

    fn credentials(&self, node: &Url) -> Option<Credentials> {
        if let Some(key) = self.trimmed_key() {
            return Some(match key.split_once(':') {
                Some((id, key)) => Credentials::ApiKey(id.to_owned(), key.to_owned()),
                None => Credentials::EncodedApiKey(key.to_owned()),
            });
        }
        // Said once, for the first node, it holds for all: they are one cluster.
        let with_user = |node: &&Url| !node.username().is_empty() || node.password().is_some();
        let node = Some(node)
            .filter(with_user)
            .or_else(|| self.nodes.iter().find(with_user))?;
        Some(Credentials::Basic(
            percent_decoded(node.username()),
            percent_decoded(node.password().unwrap_or_default()),
        ))
    }
}

impl fmt::Debug for ElasticsearchSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ElasticsearchSettings")
            .field("nodes", &self.nodes.iter().map(address).collect::<Vec<_>>())
            .field("index_prefix", &self.index_prefix)
            .finish_non_exhaustive()
    }
}

/// Settings that no target can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// Not an address of a web server.
    #[error(
        "`{address}` is no address of Elasticsearch; write `http://HOST:PORT` or `https://HOST`"
    )]
    Url {
        /// The address, without user and password.
        address: String,
    },
    /// Not the beginning of an index name.
    #[error(
        "`{prefix}` cannot begin an index name; use lower-case letters, digits, `-` and `_`, a letter or digit first"
    )]
    IndexPrefix {
        /// The prefix.
        prefix: String,
    },
    /// Not an API key.
    #[error(
        "`elasticsearch_api_key` is no API key: it is empty, or has a space or a control character in it; write it as Kibana \
         shows it, or as `ID:KEY`"
    )]
    ApiKey,
    /// Not a user and a password.
    #[error(
        "the user or the password for `{address}` in `elasticsearch_url` has a control character in it, such as `%0A`; write \
         them without"
    )]
    Credentials {
        /// The address, without user and password.
        address: String,
    },
    /// The HTTP client cannot be built.
    #[error("cannot prepare the connection to `{address}`: {reason}")]
    Client {
        /// The address, without user and password.
        address: String,
        /// What the client says.
        reason: String,
    },
}

fn bare(url: &Url) -> Url {
    let mut bare = url.clone();
    // Both refuse only URLs that cannot hold a user, and those hold none.
    bare.set_username("").ok();
    bare.set_password(None).ok();
    bare.set_query(None);
    bare.set_fragment(None);
    bare
}

fn address(url: &Url) -> String {
    bare(url).as_str().trim_end_matches('/').to_owned()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The user part of a [`Url`] keeps its percent-encoding; the server wants what it stands for.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> ElasticsearchSettings {
        ElasticsearchSettings::at(url.parse().unwrap())
    }

    #[test]
    fn password_shows_nowhere() {
        let settings = at("https://me:se%25cret@es.example:9243/path/?token=abc");
        assert_eq!(address(&settings.nodes[0]), "https://es.example:9243/path");
        assert!(!format!("{settings:?}").contains("cret"));
        let settings = at("ftp://me:secret@h/");
        assert!(
            !settings
                .validate()
                .unwrap_err()
                .to_string()
                .contains("secret")
        );
    }

    #[test]
    fn key_is_trimmed_and_refused_where_no_header_takes_it() {
        let with_key = |key: &str| {
            let mut settings = at("http://localhost:9200");
            settings.api_key = Some(key.to_owned());
            settings
        };
        for key in ["secret==\n", " id:secret \r\n"] {
            let settings = with_key(key);
            assert_eq!(settings.validate(), Ok(()));
            assert!(settings.transports().is_ok());
        }
        for key in [
            "",
            " ",
            "sec\nret",
            "sec\0ret",
            "sec ret",
            "sécret",
            "id:sec\u{7f}ret",
        ] {
            let error = with_key(key).validate().unwrap_err();
            assert_eq!(error, InvalidSettings::ApiKey, "{key:?}");
            assert!(error.to_string().contains("`elasticsearch_api_key`"));
        }
    }

    #[test]
    fn user_and_password_with_a_control_character_are_refused_by_name() {
        for url in [
            "https://me:sec%0Aret@es.example",
            "https://m%00e:secret@es.example",
        ] {
            let error = at(url).validate().unwrap_err().to_string();
            assert!(
                error.contains("`https://es.example` in `elasticsearch_url`"),
                "{error}"
            );
            assert!(
                !error.contains("ret@") && !error.contains("secret"),
                "{error}"
            );
        }
    }

    #[test]
    fn user_and_password_are_decoded() {
        assert_eq!(percent_decoded("p%40ss%3Aw%C3%B6rd"), "p@ss:wörd");
        assert_eq!(percent_decoded("100%"), "100%");
        assert_eq!(percent_decoded("%zz%4"), "%zz%4");
    }

    #[test]
    fn prefix_must_be_able_to_begin_an_index_name() {
        for prefix in ["", "-a", "_a", "Trendy", "a b", "a*", "a,b", "트렌디", "."] {
            let mut settings = at("http://localhost:9200");
            settings.index_prefix = prefix.into();
            assert!(settings.validate().is_err(), "{prefix}");
        }
        assert_eq!(at("http://localhost:9200").validate(), Ok(()));
    }

    #[test]
    fn loopback_is_known_in_every_notation() {
        for url in [
            "http://localhost:1",
            "http://127.0.0.9",
            "http://[::1]:9200",
            "http://es.localhost",
        ] {
            assert!(is_loopback(&url.parse().unwrap()), "{url}");
        }
        for url in [
            "http://localhost.example",
            "http://10.0.0.1",
            "https://es.example",
        ] {
            assert!(!is_loopback(&url.parse().unwrap()), "{url}");
        }
    }
}
