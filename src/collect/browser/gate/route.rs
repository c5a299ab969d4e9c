//! Where a browser's request may go, and by which way.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Host, Url};

use crate::collect::collector::{CONNECT_TIMEOUT, CollectSettings};
use crate::collect::error::FetchError;
use crate::collect::guard::{Guard, GuardedResolver, RefusedAddress};
use crate::collect::twins::Twins;
use crate::config::Environment;

/// The ways that a process has.
pub(in crate::collect::browser) struct Routes {
    guard: Arc<Guard>,
    resolver: GuardedResolver,
    twins: Twins,
    /// The user's own proxies.
    proxies: Matcher,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A proxy's address may hold a password.
        formatter.debug_struct("Routes").finish_non_exhaustive()
    }
}

/// A connection to a place, or to a proxy that is to be asked for it.
pub(super) struct Route {
    pub(super) stream: TcpStream,
    pub(super) proxy: Option<Intercept>,
}

/// Why there is no route.
pub(super) enum Unreached {
    /// It leads inside.
    Refused(IpAddr),
    /// The network says no.
    Failed(io::Error),
}

impl From<io::Error> for Unreached {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|cause| cause.downcast_ref()) {
            Some(RefusedAddress(address)) => Self::Refused(*address),
            None => Self::Failed(error),
        }
    }
}

impl Routes {
    pub(in crate::collect::browser) fn new(
        settings: &CollectSettings,
        environment: &Environment,
        guard: &Arc<Guard>,
    ) -> Self {
        Self {
            guard: Arc::clone(guard),
            resolver: GuardedResolver::new(Arc::clone(guard)),
            twins: settings.twins.clone(),
            proxies: proxies(settings, environment),
        }
    }

    /// Connects to the place of an address, if a pipeline at `home` may go there.
    pub(super) async fn to(&self, home: &Url, url: &Url) -> Result<Route, Unreached> {
        let is_twin = self.twins.stand_at(url);
        if !is_twin {
            self.guard.check(home, url).await.map_err(refusal)?;
        }
        let proxy = match url.as_str().parse::<Uri>() {
            // A proxy has no business with twins.
            Ok(uri) if !is_twin => self.proxies.intercept(&uri),
            _ => None,
        };
        let next = match &proxy {
            Some(proxy) if proxy.uri().scheme_str() == Some("http") => {
                Url::parse(&proxy.uri().to_string()).map_err(io::Error::other)?
            }
            Some(_) => {
                let reason = "a browser goes through proxies of `http://` only";
                return Err(Unreached::Failed(io::Error::other(reason)));
            }
            None => url.clone(),
        };
        let connecting = async {
            let addresses = self.addresses(&next).await?;
            TcpStream::connect(&addresses[..]).await
        };
        let stream = timeout(CONNECT_TIMEOUT, connecting)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        // Small records of TLS would wait for each other.
        stream.set_nodelay(true)?;
        Ok(Route { stream, proxy })
    }

    async fn addresses(&self, url: &Url) -> io::Result<Vec<SocketAddr>> {
        let port = url.port_or_known_default().unwrap_or_default();
        let addresses = match url.host() {
            // Checked by now.
            Some(Host::Ipv4(address)) => vec![(address, port).into()],
            Some(Host::Ipv6(address)) => vec![(address, port).into()],
            Some(Host::Domain(name)) => {
                let mut found = self.resolver.addresses(name).await?;
                for address in &mut found {
                    address.set_port(port);
                }
                found
            }
            None => Vec::new(),
        };
        Ok(addresses)
    }
}

fn refusal(error: FetchError) -> Unreached {
    match error {
        FetchError::AddressRefused { address, .. } => Unreached::Refused(address),
        other => Unreached::Failed(io::Error::other(other)),
    }
}

/// The proxy of the settings, for everything; without one those of the environment, as the HTTP client reads them.
fn proxies(settings: &CollectSettings, environment: &Environment) -> Matcher {
    if let Some(proxy) = &settings.proxy {
        return Matcher::builder().all(proxy.as_str()).build();
    }
    let named = |names: [&str; 2]| {
        let value = names.into_iter().find_map(|name| environment.get(name));
        value.unwrap_or_default().to_owned()
    };
    Matcher::builder()
        .all(named(["ALL_PROXY", "all_proxy"]))
        .http(named(["HTTP_PROXY", "http_proxy"]))
        .https(named(["HTTPS_PROXY", "https_proxy"]))
        .no(named(["NO_PROXY", "no_proxy"]))
        .build()
}
