use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Proxy};
use tokio::task::JoinHandle;
use url::Url;

use super::Fetcher;
use super::archive::{ArchiveSettings, Origin, Recorder};
use super::browser::{BrowserFetcher, Pool};
use super::error::FetchError;
use super::file::FileFetcher;
use super::guard::{Guard, GuardedResolver};
use super::host::HostPool;
use super::http::HttpFetcher;
use super::pace::LONGEST_DELAY;
use super::robots::{RobotsCache, product_token};
use super::twins::Twins;
use super::visitor::Visitor;
use crate::config::{Environment, Fetch, MissingVariable, Pipeline, Politeness};
use crate::record::{HostMemory, PipelineId};

/// Longest wait for a connection; a host that is there answers in a fraction of it.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How pages are collected, whatever the pipeline.
#[derive(Debug, Clone)]
pub struct CollectSettings {
    /// `User-Agent` of every request; what stands before its `/` is the name that `robots.txt` is searched for.
    pub user_agent: String,
    /// Local servers in place of real ones.
    pub twins: Twins,
    /// The browser of pipelines that need one.
    pub browser: BrowserKind,
    /// Most browsers at once, each with one page. Default: 2, which a Raspberry Pi has the memory for.
    pub browser_sessions: usize,
    /// Most bytes that a browser of our own may hold between two pages, driver included; above, it is replaced. Default:
    /// 768 MiB, of which Chromium takes 400 to begin with; twice that leaves room on a Raspberry Pi with 2 GB.
    pub browser_memory: u64,
    /// Where what a browser saw is kept when a page was not as its pipeline has it. Default: nowhere.
    pub browser_failures: Option<PathBuf>,
    /// A proxy for every request but those to twins. Default: what the environment names.
    pub proxy: Option<Url>,
    /// A WebDriver or Selenium Grid to use; without one a driver is started when a browser is first needed.
    pub webdriver_url: Option<Url>,
    /// The chromedriver to start. Default: the first in `PATH`.
    pub chromedriver: Option<PathBuf>,
    /// The Chromium for it. Default: the first in `PATH`.
    pub chromium: Option<PathBuf>,
    /// The geckodriver to start. Default: the first in `PATH`.
    pub geckodriver: Option<PathBuf>,
    /// The Firefox for it. Default: the first in `PATH`.
    pub firefox: Option<PathBuf>,
    /// Whether pages may lead to addresses inside the network.
    pub allow_private: bool,
    /// Most decoded bytes of a page. Default: 16 MiB; the largest list seen in a feed or an API is a third of it.
    pub body_limit: usize,
    /// Most redirects from one address. Default: 10, half of what browsers follow.
    pub redirects: usize,
    /// Longest crawl-delay that is kept; some sites ask for a day. Default: one minute.
    pub longest_crawl_delay: Duration,
    /// How a failed request is repeated.
    pub retry: RetrySettings,
    /// Where raw answers are kept. Default: nowhere.
    pub archive: Option<ArchiveSettings>,
}

/// A browser, by the name that WebDriver has for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BrowserKind {
    /// Chromium and Chrome.
    #[default]
    Chrome,
    /// Firefox.
    Firefox,
}

impl BrowserKind {
    /// Its name, in settings too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Firefox => "firefox",
        }
    }

    /// The browser of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Chrome, Self::Firefox]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// How a failed request is repeated.
#[derive(Debug, Clone)]
pub struct RetrySettings {
    /// Most tries of one request. Default: 3.
    pub tries: u32,
    /// Wait after the first failure; it doubles with each. Default: one second.
    pub backoff: Duration,
    /// Longest wait for one request, whoever asks for it: a host that wants more is left to the next run. Default: two
    /// minutes.
    pub longest_wait: Duration,
    /// Most time that one run spends on failed requests to one host and on waiting to repeat them, so that a host that is
    /// half dead cannot keep it for hours. Default: ten minutes, a third of the usual time between two runs.
    pub budget: Duration,
}

impl Default for CollectSettings {
    fn default() -> Self {
        Self {
            user_agent: concat!(
                "trendy/",
                env!("CARGO_PKG_VERSION"),
                " (+",
                env!("CARGO_PKG_REPOSITORY"),
                ")"
            )
            .to_owned(),
            twins: Twins::default(),
            browser: BrowserKind::default(),
            browser_sessions: 2,
            browser_memory: 768 * 1024 * 1024,
            browser_failures: None,
            proxy: None,
            webdriver_url: None,
            chromedriver: None,
            chromium: None,
            geckodriver: None,
            firefox: None,
            allow_private: false,
            body_limit: 16 * 1024 * 1024,
            redirects: 10,
            longest_crawl_delay: LONGEST_DELAY,
            retry: RetrySettings::default(),
            archive: None,
        }
    }
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            tries: 3,
            backoff: Duration::from_secs(1),
            longest_wait: Duration::from_mins(2),
            budget: Duration::from_mins(10),
        }
    }
}

/// Why collecting cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The HTTP client cannot be built.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The user agent does not begin with a name.
    #[error(
        "user agent `{0}` does not begin with a name of letters, `-` and `_`, which robots.txt needs"
    )]
    UserAgent(String),
    /// Other kinds of proxy are not built in.
    #[error(
        "the proxy's address begins with `{0}:`; give one that begins with `http:` or `https:`"
    )]
    Proxy(String),
    /// Only plain connections to a WebDriver are built in.
    #[error("the WebDriver address begins with `{0}:`; give one that begins with `http:`")]
    WebDriver(String),
    /// A pipeline's own address is none.
    #[error("pipeline `{pipeline}`: `source.url` `{url}` is no address ({reason})")]
    Address {
        /// The pipeline.
        pipeline: PipelineId,
        /// Its address.
        url: String,
        /// Why.
        reason: String,
    },
    /// A secret has no value.
    #[error("pipeline `{pipeline}` needs a secret")]
    Secret {
        /// The pipeline.
        pipeline: PipelineId,
        /// Which.
        #[source]
        source: MissingVariable,
    },
    /// A header cannot be sent. Its value is not told, for it may hold a secret.
    #[error("pipeline `{pipeline}`: header `{name}` has a name or value that cannot be sent")]
    Header {
        /// The pipeline.
        pipeline: PipelineId,
        /// Name of the header.
        name: String,
    },
    /// A browser sends its own headers, with every image and script.
    #[error(
        "pipeline `{0}`: a browser sends no `source.headers`; remove them or use `fetch = \"http\"`"
    )]
    BrowserHeaders(PipelineId),
}

/// What all pipelines of one process share: connections, turns at hosts, `robots.txt` files, twins and the browser.
pub struct Collector {
    shared: Arc<Shared>,
    environment: Environment,
    /// Threads that write archives, each until its fetcher is dropped.
    archiving: Mutex<Vec<JoinHandle<()>>>,
}

/// The insides of a [`Collector`], held by its fetchers too.
pub(super) struct Shared {
    pub(super) settings: CollectSettings,
    /// Name that `robots.txt` is searched for.
    pub(super) product_token: String,
    pub(super) client: Client,
    /// For twins: a proxy has no business with them.
    pub(super) direct_client: Client,
    pub(super) hosts: HostPool,
    pub(super) robots: RobotsCache,
    pub(super) guard: Arc<Guard>,
    pub(super) browsers: Pool,
}

impl Collector {
    /// Sets everything up; nothing is sent or started before it is needed.
    pub fn new(settings: CollectSettings, environment: Environment) -> Result<Self, SetupError> {
        let product_token = product_token(&settings.user_agent).to_owned();
        if product_token.is_empty() {
            return Err(SetupError::UserAgent(settings.user_agent));
        }
        if let Some(url) = &settings.webdriver_url
            && url.scheme() != "http"
        {
            return Err(SetupError::WebDriver(url.scheme().to_owned()));
        }
        let mut proxy_hosts = self::proxy_hosts(&environment);
        let mut through_proxy = Client::builder();
        if let Some(proxy) = &settings.proxy {
            if !matches!(proxy.scheme(), "http" | "https") {
                return Err(SetupError::Proxy(proxy.scheme().to_owned()));
            }
            proxy_hosts.extend(proxy.host_str().map(str::to_owned));
            let proxy = Proxy::all(proxy.clone()).map_err(SetupError::Client)?;
            through_proxy = through_proxy.proxy(proxy);
        }
        let named = settings
            .twins
            .hosts()
            .chain(proxy_hosts.iter().map(String::as_str));
        let guard = Arc::new(Guard::new(settings.allow_private, named));
        let (through_proxy, direct) = (
            client(through_proxy, &settings, &guard),
            client(Client::builder().no_proxy(), &settings, &guard),
        );
        let shared = Shared {
            browsers: Pool::new(&settings, &environment, &guard),
            product_token,
            client: through_proxy.build().map_err(SetupError::Client)?,
            direct_client: direct.build().map_err(SetupError::Client)?,
            hosts: HostPool::default(),
            robots: RobotsCache::default(),
            guard,
            settings,
        };
        Ok(Self {
            shared: Arc::new(shared),
            environment,
            archiving: Mutex::default(),
        })
    }

    /// The fetcher for one run of a pipeline. From here on its host is asked no less gently than the pipeline says.
    /// With an archive it has to be called within a tokio runtime.
    pub fn fetcher(&self, pipeline: &Pipeline) -> Result<Arc<dyn Fetcher>, SetupError> {
        if pipeline.source.fetch == Fetch::File {
            return Ok(Arc::new(FileFetcher::new(&pipeline.source.url)));
        }
        let mut visitor = Visitor::new(pipeline, &self.environment)?;
        if let Some(host) = visitor.home.host_str() {
            self.shared.guard.name(host);
        }
        let owed = self.shared.owed_to(&visitor.home, visitor.politeness);
        self.shared.hosts.host(&visitor.home).be_gentle(owed);
        if let Some(archive) = &self.shared.settings.archive {
            visitor.record_with(self.recorder(archive, pipeline, &visitor));
        }
        let shared = Arc::clone(&self.shared);
        match pipeline.source.fetch {
            Fetch::Http => Ok(Arc::new(HttpFetcher::new(shared, visitor))),
            Fetch::Browser if pipeline.source.headers.is_empty() => Ok(Arc::new(
                BrowserFetcher::new(shared, visitor, &pipeline.source),
            )),
            Fetch::Browser => Err(SetupError::BrowserHeaders(pipeline.id.clone())),
            Fetch::File => unreachable!("files are nobody's to visit"),
        }
    }

    /// Takes up what an earlier process learnt of hosts, where this one does not know better.
    pub fn restore_hosts(&self, hosts: &[HostMemory], now: Timestamp) {
        for memory in hosts {
            self.shared.hosts.restore(memory, now);
        }
    }

    /// What was learnt of hosts since this was last taken, to be restored by the next process.
    pub fn take_host_news(&self, now: Timestamp) -> Vec<HostMemory> {
        self.shared.hosts.take_news(now)
    }

    /// Whether browser pipelines can run here; if not, what is missing. Starts nothing.
    pub fn browser_available(&self) -> Result<(), FetchError> {
        self.shared.browsers.available()
    }

    /// Ends browsers and drivers, and waits until they are gone and archives are on the disk. An archive is written until
    /// its fetcher is dropped, so that comes first. Dropping the collector ends browsers and drivers too.
    pub async fn close(&self) {
        self.shared.browsers.close().await;
        let archiving = std::mem::take(&mut *self.archiving());
        for thread in archiving {
            if let Err(error) = thread.await {
                tracing::error!("an archive was not written to its end: {error}");
            }
        }
    }

    fn recorder(
        &self,
        archive: &ArchiveSettings,
        pipeline: &Pipeline,
        visitor: &Visitor,
    ) -> Recorder {
        let origin = Origin {
            pipeline: pipeline.id.clone(),
            user_agent: self.shared.settings.user_agent.clone(),
        };
        let (recorder, thread) = Recorder::start(archive, origin, visitor.redactor());
        let mut archiving = self.archiving();
        archiving.retain(|thread| !thread.is_finished());
        archiving.push(thread);
        recorder
    }

    fn archiving(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.archiving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// How gently an address has to be asked. A twin is no one's server: it is owed no delay.
    pub(super) fn owed_to(&self, url: &Url, politeness: Politeness) -> Politeness {
        if self.has_twin(url) {
            Politeness {
                delay: Duration::ZERO,
                ..politeness
            }
        } else {
            politeness
        }
    }

    /// Whether a local server stands in for the address.
    pub(super) fn has_twin(&self, url: &Url) -> bool {
        self.settings.twins.outgoing(url).is_some()
    }

    /// The address to ask: the twin's, if there is one.
    pub(super) fn wire_address(&self, url: &Url) -> Url {
        self.settings
            .twins
            .outgoing(url)
            .unwrap_or_else(|| url.clone())
    }
}

/// Redirects are followed hop by hop, each with its own permission; cookies belong to a run.
fn client(builder: ClientBuilder, settings: &CollectSettings, guard: &Arc<Guard>) -> ClientBuilder {
    builder
        .user_agent(&settings.user_agent)
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .dns_resolver(Arc::new(GuardedResolver::new(Arc::clone(guard))))
}

/// Hosts of the proxies that the HTTP client finds in its environment: they may well be inside.
fn proxy_hosts(environment: &Environment) -> Vec<String> {
    [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ]
    .into_iter()
    .filter_map(|name| environment.get(name))
    .filter_map(|proxy| {
        Url::parse(proxy)
            .ok()
            .filter(Url::has_host)
            .or_else(|| Url::parse(&format!("http://{proxy}")).ok())
    })
    .filter_map(|proxy| proxy.host_str().map(str::to_owned))
    .collect()
}
