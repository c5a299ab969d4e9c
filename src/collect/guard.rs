use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::error::FetchError;

/// Keeps what a page says from leading trendy into the network that it runs in.
///
/// An address that is a number is checked before the request. A name is checked when it is resolved, inside the
/// connection: the address checked is the address connected to, so a name cannot change its mind in between. A host
/// that a pipeline's own URL names may be anywhere; that pipeline's own host and port, not others of that host. One that
/// was public when it was first looked up has to stay so: its DNS is not the user's.
///
/// Behind a proxy it is the proxy that resolves names: then the proxy has to do this. A browser of our own asks through
/// [`browser`](super::browser), whose gate asks the guard.
#[derive(Debug, Default)]
pub(super) struct Guard {
    allow_private: bool,
    /// Hosts that the user named: in a pipeline, as a twin or as a proxy.
    named: RwLock<HashMap<String, Place>>,
}

/// Where a named host was when it was first looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Unknown,
    Public,
    Inside,
}

/// Longest address that is asked: RFC 9110 (4.1) has everyone take 8,000 bytes, and a trap's grow without end.
const LONGEST_ADDRESS: usize = 8 * 1024;

/// How much of a longer one is shown.
const SHOWN: usize = 80;

/// Checks that an address is no longer than addresses are.
pub(super) fn check_length(url: &Url) -> Result<(), FetchError> {
    let text = url.as_str();
    if text.len() <= LONGEST_ADDRESS {
        return Ok(());
    }
    Err(FetchError::AddressTooLong {
        start: text[..text.floor_char_boundary(SHOWN)].to_owned(),
        bytes: text.len(),
    })
}

impl Guard {
    pub(super) fn new<'a>(allow_private: bool, named: impl IntoIterator<Item = &'a str>) -> Self {
        let named = named
            .into_iter()
            .map(|host| (host.to_owned(), Place::Unknown))
            .collect();
        Self {
            allow_private,
            named: RwLock::new(named),
        }
    }

    /// Lets the resolver pass a host that the user named.
    pub(super) fn name(&self, host: &str) {
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        named.entry(host.to_owned()).or_default();
    }

    /// Checks an address before it is asked, for a pipeline at `home`.
    pub(super) async fn check(&self, home: &Url, url: &Url) -> Result<(), FetchError> {
        match url.host() {
            Some(Host::Domain(name)) if !self.is_named(name) => check_scheme(url),
            // The resolver lets it pass, for the sake of another pipeline or of another port.
            _ => self.check_resolved(home, url).await,
        }
    }

    /// Checks an address that someone else will connect to. A name that cannot be resolved here is no danger.
    pub(super) async fn check_resolved(&self, home: &Url, url: &Url) -> Result<(), FetchError> {
        check_scheme(url)?;
        if self.allow_private || is_same_place(home, url) {
            return Ok(());
        }
        let addresses: Vec<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            Some(Host::Domain(name)) => match look_up(name).await {
                Ok(found) => {
                    let addresses: Vec<_> = found.iter().map(SocketAddr::ip).collect();
                    self.refuses(name, &addresses);
                    addresses
                }
                Err(_) => Vec::new(),
            },
            None => Vec::new(),
        };
        match addresses.into_iter().find(|address| !is_public(*address)) {
            Some(address) => Err(FetchError::AddressRefused {
                url: url.to_string(),
                address,
            }),
            None => Ok(()),
        }
    }

    /// The address for which a name is not connected to. One is enough: a name with a public and a private address is the
    /// trick itself.
    fn refuses(&self, host: &str, addresses: &[IpAddr]) -> Option<IpAddr> {
        if self.allow_private {
            return None;
        }
        let inside = addresses.iter().copied().find(|found| !is_public(*found));
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        match named.get_mut(host) {
            None | Some(Place::Public) => inside,
            Some(Place::Inside) => None,
            Some(place) => {
                if !addresses.is_empty() {
                    *place = inside.map_or(Place::Public, |_| Place::Inside);
                }
                None
            }
        }
    }

    fn is_named(&self, host: &str) -> bool {
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        named.contains_key(host)
    }
}

fn check_scheme(url: &Url) -> Result<(), FetchError> {
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(())
    } else {
        Err(FetchError::SchemeRefused {
            url: url.to_string(),
        })
    }
}

/// Same host and port, or the same host between http and https.
fn is_same_place(home: &Url, url: &Url) -> bool {
    let web = |url: &Url| matches!(url.port_or_known_default(), Some(80 | 443));
    home.host() == url.host()
        && (home.port_or_known_default() == url.port_or_known_default() || (web(home) && web(url)))
}

type LookUp = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The resolver of the HTTP client: asked once a connection, and what it gives is what is connected to.
#[derive(Clone)]
pub(super) struct GuardedResolver {
    guard: Arc<Guard>,
    look_up: LookUp,
}

impl GuardedResolver {
    /// Guards the resolver of the system.
    pub(super) fn new(guard: Arc<Guard>) -> Self {
        let look_up: LookUp = Arc::new(|host| Box::pin(async move { look_up(&host).await }));
        Self { guard, look_up }
    }

    /// The addresses of a name, for whoever connects to one of them now; their port is open.
    pub(super) async fn addresses(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let found = (self.look_up)(host.to_owned()).await?;
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no address"));
        }
        let addresses: Vec<_> = found.iter().map(SocketAddr::ip).collect();
        match self.guard.refuses(host, &addresses) {
            Some(address) => Err(io::Error::other(RefusedAddress(address))),
            None => Ok(found),
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.addresses(name.as_str()).await;
            // Without its wrapping a refusal is found among the causes of the client's error.
            let found = found.map_err(|error| match error.downcast::<RefusedAddress>() {
                Ok(refused) => refused.into(),
                Err(error) => Box::<dyn std::error::Error + Send + Sync>::from(error),
            })?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

async fn look_up(host: &str) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.collect())
}

/// The resolver's refusal, somewhere among the causes of the client's error.
#[derive(Debug)]
pub(super) struct RefusedAddress(pub(super) IpAddr);

impl fmt::Display for RefusedAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is not a public address", self.0)
    }
}

impl std::error::Error for RefusedAddress {}

/// Whether an address is one of the public internet (IANA's special-purpose registries, summer 2026).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    // Azure's platform service, the one metadata address among public ones.
    const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
    let [first, second, third, _] = address.octets();
    let special = first == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || (first == 100 && second & 0xc0 == 64)
        || (first, second, third) == (192, 0, 0)
        || address.is_documentation()
        || (first == 198 && second & 0xfe == 18)
        || first >= 224;
    !special && address != AZURE
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // IPv4-mapped, and the translation prefix of NAT64.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        // 6to4.
        [0x2002, high, low, ..] => embedded(high, low),
        // Protocol assignments (Teredo among them) and documentation.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x3fff, second, ..] => second >= 0x1000,
        // Global unicast is 2000::/3; all else is loopback, local, multicast or unassigned.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use reqwest::Client;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn addresses_inside_are_told_from_public_ones() {
        for inside in [
            "0.0.0.0",
            "127.0.0.1",
            "127.8.8.8",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "192.0.2.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "fec0::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "198.20.0.1",
            "223.255.255.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "64:ff9b::808:808",
            "2002:808:808::",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn a_pipeline_reaches_its_own_place_inside_and_no_other() {
        let guard = Guard::new(false, ["localhost"]);
        let home = url("http://127.0.0.1:4000/jobs");
        guard
            .check(&home, &url("http://127.0.0.1:4000/x"))
            .await
            .unwrap();
        for refused in [
            "http://127.0.0.1:4001/",
            "http://127.1:4001/",
            "http://2130706433/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://169.254.169.254/latest/meta-data",
            "http://localhost:4000/",
        ] {
            let error = guard.check(&home, &url(refused)).await.unwrap_err();
            assert!(
                matches!(error, FetchError::AddressRefused { .. }),
                "{refused}: {error}"
            );
        }
        for refused in [
            "file:///etc/passwd",
            "ftp://example.com/",
            "data:text/html,x",
        ] {
            let error = guard.check(&home, &url(refused)).await.unwrap_err();
            assert!(
                matches!(error, FetchError::SchemeRefused { .. }),
                "{refused}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn https_of_the_same_host_is_the_same_place() {
        let guard = Guard::new(false, ["10.0.0.1"]);
        let home = url("http://10.0.0.1/");
        guard.check(&home, &url("https://10.0.0.1/")).await.unwrap();
        guard
            .check(&home, &url("https://10.0.0.1:9200/"))
            .await
            .unwrap_err();
    }

    #[tokio::test]
    async fn a_name_that_resolves_inside_is_refused_unless_named() {
        let guard = Arc::new(Guard::default());
        let resolver = GuardedResolver::new(Arc::clone(&guard));
        let error = resolver
            .resolve("localhost".parse().unwrap())
            .await
            .err()
            .unwrap();
        assert!(error.downcast_ref::<RefusedAddress>().is_some(), "{error}");
        guard.name("localhost");
        assert!(resolver.resolve("localhost".parse().unwrap()).await.is_ok());
    }

    const PUBLIC: &str = "93.184.215.14:0";
    const INSIDE: &str = "127.0.0.1:0";

    /// A resolver that gives these answers one after the other, the last one for ever, and counts.
    fn turning(
        guard: &Arc<Guard>,
        answers: &'static [&str],
    ) -> (GuardedResolver, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let look_up: LookUp = Arc::new(move |_| {
            let turn = count.fetch_add(1, Ordering::SeqCst);
            let answer = answers[turn.min(answers.len() - 1)].parse().unwrap();
            Box::pin(async move { Ok(vec![answer]) })
        });
        let guard = Arc::clone(guard);
        (GuardedResolver { guard, look_up }, asked)
    }

    #[tokio::test]
    async fn a_name_that_turns_private_is_refused_even_if_a_pipeline_names_it() {
        for named in [None, Some("turning.example")] {
            let guard = Arc::new(Guard::new(false, named));
            let (resolver, asked) = turning(&guard, &[PUBLIC, INSIDE]);
            let name = || "turning.example".parse().unwrap();
            let found: Vec<_> = resolver.resolve(name()).await.unwrap().collect();
            assert_eq!(found, [PUBLIC.parse().unwrap()]);
            let error = resolver.resolve(name()).await.err().unwrap();
            assert!(error.downcast_ref::<RefusedAddress>().is_some(), "{error}");
            assert_eq!(asked.load(Ordering::SeqCst), 2);
        }
    }

    #[tokio::test]
    async fn a_name_of_the_users_own_network_may_have_public_addresses_too() {
        let guard = Arc::new(Guard::new(false, ["wiki.example"]));
        let (resolver, _) = turning(&guard, &[INSIDE, PUBLIC, INSIDE]);
        for _ in 0..3 {
            let name = "wiki.example".parse().unwrap();
            assert!(resolver.resolve(name).await.is_ok());
        }
    }

    #[tokio::test]
    async fn the_address_that_was_checked_is_the_one_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!(
            "http://inside.example:{}/",
            listener.local_addr().unwrap().port()
        );
        let guard = Arc::new(Guard::default());
        // A second look would lead elsewhere, where nobody listens.
        let (resolver, asked) = turning(&guard, &[INSIDE, INSIDE, "127.0.0.2:0"]);
        let client = Client::builder()
            .dns_resolver(Arc::new(resolver))
            .no_proxy();
        let client = client.build().unwrap();

        let error = client.get(&address).send().await.unwrap_err();
        let mut causes = std::iter::successors(Error::source(&error), |&error| error.source());
        assert!(causes.any(<dyn Error>::is::<RefusedAddress>), "{error:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);

        guard.name("inside.example");
        let request = tokio::spawn(client.get(&address).send());
        listener.accept().await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 2, "once a connection");
        request.abort();
    }

    #[test]
    fn no_address_is_longer_than_addresses_are() {
        let path = "x".repeat(LONGEST_ADDRESS);
        let long = url(&format!("https://a.example/{path}"));
        let error = check_length(&long).unwrap_err().to_string();
        assert!(
            error.contains("https://a.example/xxx") && error.len() < 300,
            "{error}"
        );
        check_length(&url(&format!("https://a.example/{}", &path[100..]))).unwrap();
    }
}
