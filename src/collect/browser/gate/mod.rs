//! The one way out of a browser of our own: a proxy on loopback that asks the address guard.
//!
//! A page can ask for anything by its scripts, frames and redirects, and where a name leads shows in the connection alone.
//! So the browser connects to nothing by itself, loopback included. Its plain requests are forwarded, for `https` and
//! sockets it gets a tunnel; either goes where an HTTP request of the same pipeline may go, and the address that was
//! checked is the one connected to. Where the user has a proxy, requests go on to that one, which resolves names then.
//!
//! What is refused or not reached is noted, for the browser tells a proxy's answer only. Everything ends with the
//! browser's connection, and every connection with the gate.

mod route;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, copy, split};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use url::{Position, Url};

pub(super) use self::route::Routes;
use self::route::{Route, Unreached};

/// Places that are remembered as not reached: a page's own address is among the last, whatever else it asks for.
const NOTED: usize = 64;

const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// A gate for one session. Dropping it ends all its connections.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) address: SocketAddr,
    notes: Arc<Notes>,
    task: JoinHandle<()>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why a place was not reached.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// It is inside the network.
    Refused(IpAddr),
    /// In words.
    Unreachable(String),
}

#[derive(Debug, Default)]
struct Notes(Mutex<VecDeque<(Place, Trouble)>>);

/// Host and port.
type Place = (String, u16);

impl Gate {
    /// Opens a gate for the browser of a pipeline at `home`.
    pub(super) async fn open(routes: Arc<Routes>, home: Url) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let notes = Arc::new(Notes::default());
        let passage = Passage {
            routes,
            home,
            notes: Arc::clone(&notes),
        };
        let task = tokio::spawn(passage.serve(listener));
        Ok(Self {
            address,
            notes,
            task,
        })
    }

    /// What was in the way to an address, if it was the last that is known of its place.
    pub(super) fn trouble(&self, url: &Url) -> Option<Trouble> {
        let place = place(url)?;
        let notes = self.notes.lock();
        let (_, trouble) = notes.iter().find(|(noted, _)| *noted == place)?;
        Some(trouble.clone())
    }
}

impl Notes {
    fn note(&self, url: &Url, trouble: Option<Trouble>) {
        let Some(place) = place(url) else {
            return;
        };
        let mut notes = self.lock();
        notes.retain(|(noted, _)| *noted != place);
        if let Some(trouble) = trouble {
            notes.truncate(NOTED - 1);
            notes.push_front((place, trouble));
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Place, Trouble)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(url: &Url) -> Option<Place> {
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

/// What the connections of a gate share.
#[derive(Debug, Clone)]
struct Passage {
    routes: Arc<Routes>,
    home: Url,
    notes: Arc<Notes>,
}

impl Passage {
    async fn serve(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file handles, most likely: those that end give some back.
                    tracing::warn!(%error, "cannot take a connection of the browser");
                    if connections.join_next().await.is_none() {
                        return;
                    }
                    continue;
                }
            };
            while connections.try_join_next().is_some() {}
            let passage = self.clone();
            connections.spawn(async move {
                let answer = service_fn(|request| {
                    let passage = passage.clone();
                    async move { Ok::<_, hyper::Error>(passage.answer(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .with_upgrades();
                if let Err(error) = connection.await {
                    tracing::trace!(%error, "a connection of the browser broke off");
                }
            });
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let Some(url) = asked_for(&request) else {
            return says(StatusCode::BAD_REQUEST, "this is no address for a proxy");
        };
        match self.pass(request, &url).await {
            Ok(response) => {
                self.notes.note(&url, None);
                response
            }
            Err(Unreached::Refused(address)) => {
                tracing::info!(host = url.host_str(), %address, "refused a page's request into the network");
                self.notes.note(&url, Some(Trouble::Refused(address)));
                says(
                    StatusCode::FORBIDDEN,
                    "this is not a public address, and trendy does not lead there",
                )
            }
            Err(Unreached::Failed(error)) => {
                let reason = error.to_string();
                tracing::debug!(host = url.host_str(), reason, "a page's request failed");
                self.notes.note(&url, Some(Trouble::Unreachable(reason)));
                says(StatusCode::BAD_GATEWAY, "it cannot be reached")
            }
        }
    }

    async fn pass(
        &self,
        request: Request<Incoming>,
        url: &Url,
    ) -> Result<Response<Body>, Unreached> {
        let route = self.routes.to(&self.home, url).await?;
        if request.method() == Method::CONNECT {
            tunnel(request, route).await
        } else {
            forward(request, url, route).await
        }
    }
}

/// The address that a browser asks its proxy for. A tunnel names host and port alone, and may be meant for anything.
fn asked_for(request: &Request<Incoming>) -> Option<Url> {
    if request.method() == Method::CONNECT {
        let authority = request.uri().authority()?;
        authority.port()?;
        Url::parse(&format!("https://{authority}/")).ok()
    } else {
        let url = Url::parse(&request.uri().to_string()).ok()?;
        (url.scheme() == "http").then_some(url)
    }
}

/// Sends a request on. It gets a connection of its own: one that was kept could be closed under it.
async fn forward(
    mut request: Request<Incoming>,
    url: &Url,
    route: Route,
) -> Result<Response<Body>, Unreached> {
    let headers = request.headers_mut();
    headers.remove(CONNECTION);
    headers.remove(PROXY_CONNECTION);
    headers.remove(PROXY_AUTHORIZATION);
    let host = request.uri().authority().map(ToString::to_string);
    if let Some(host) = host.and_then(|host| HeaderValue::from_str(&host).ok()) {
        request.headers_mut().insert(HOST, host);
    }
    if let Some(proxy) = route.proxy {
        if let Some(credentials) = proxy.basic_auth() {
            let credentials = credentials.clone();
            request
                .headers_mut()
                .insert(PROXY_AUTHORIZATION, credentials);
        }
    } else {
        let target = &url[Position::BeforePath..Position::AfterQuery];
        *request.uri_mut() = target.parse::<Uri>().map_err(io::Error::other)?;
    }
    let stream = TokioIo::new(route.stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
        .await
        .map_err(io::Error::other)?;
    // Ends with the answer, or with whoever reads it.
    tokio::spawn(connection);
    let response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let mut response = response.map(Body::new);
    response.headers_mut().remove(CONNECTION);
    Ok(response)
}

/// Joins the browser with a place, byte by byte.
async fn tunnel(request: Request<Incoming>, route: Route) -> Result<Response<Body>, Unreached> {
    let place = request.uri().clone();
    let browser = hyper::upgrade::on(request);
    match route.proxy {
        None => {
            tokio::spawn(async move {
                if let Ok(browser) = browser.await {
                    join(browser, route.stream).await;
                }
            });
        }
        Some(proxy) => {
            let far = ask_for_tunnel(place, route.stream, proxy.basic_auth()).await?;
            tokio::spawn(async move {
                if let Ok(browser) = browser.await {
                    join(browser, TokioIo::new(far)).await;
                }
            });
        }
    }
    Ok(Response::new(Body::empty()))
}

/// A tunnel through the user's own proxy.
async fn ask_for_tunnel(
    place: Uri,
    stream: tokio::net::TcpStream,
    credentials: Option<&HeaderValue>,
) -> Result<Upgraded, Unreached> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection.with_upgrades());
    let host = HeaderValue::from_str(&place.to_string()).map_err(io::Error::other)?;
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = place;
    request.headers_mut().insert(HOST, host);
    if let Some(credentials) = credentials {
        request
            .headers_mut()
            .insert(PROXY_AUTHORIZATION, credentials.clone());
    }
    let response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    if !response.status().is_success() {
        let reason = format!("the proxy answered {}", response.status().as_u16());
        return Err(Unreached::Failed(io::Error::other(reason)));
    }
    let far = hyper::upgrade::on(response).await;
    Ok(far.map_err(io::Error::other)?)
}

/// Until one side is done: a server that keeps its half open must not outlive the browser.
async fn join(browser: Upgraded, place: impl AsyncRead + AsyncWrite) {
    let (mut from_browser, mut to_browser) = split(TokioIo::new(browser));
    let (mut from_place, mut to_place) = split(place);
    let ended = tokio::select! {
        ended = copy(&mut from_browser, &mut to_place) => ended,
        ended = copy(&mut from_place, &mut to_browser) => ended,
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a tunnel broke off");
    }
}

fn says(status: StatusCode, words: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(words));
    *response.status_mut() = status;
    response
}
