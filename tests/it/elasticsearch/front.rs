//! A server in front of the real one: passes bulk requests on, or does to them what networks and busy servers do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use url::Url;

/// What becomes of one bulk request. Whatever else is asked passes.
pub(super) enum Fate {
    /// Passes.
    Pass,
    /// Half of it reaches the server, then both connections end.
    CutInRequest,
    /// The server does what was asked, and its answer is lost.
    LostAnswer,
    /// The server does what was asked, and half of its answer arrives.
    HalfAnswer,
    /// Never reaches the server; this is the answer.
    Answer(u16, &'static str),
}

pub(super) struct Front {
    pub(super) url: Url,
    state: Arc<State>,
}

struct State {
    server: Url,
    /// What the header `authorization` must be.
    authorization: Option<&'static str>,
    fates: Mutex<VecDeque<Fate>>,
    /// Where requests wait: when they have come, and before they pass.
    pause: Option<(&'static str, Arc<Barrier>)>,
    seen: Mutex<Vec<String>>,
}

impl State {
    /// Of one that lets everything pass.
    fn of(server: &Url) -> Self {
        Self {
            server: server.clone(),
            authorization: None,
            fates: Mutex::default(),
            pause: None,
            seen: Mutex::default(),
        }
    }
}

struct Request {
    head: String,
    body: Vec<u8>,
}

impl Front {
    /// Starts one; bulk requests meet these fates in turn, and pass afterwards.
    pub(super) async fn of(server: &Url, fates: impl IntoIterator<Item = Fate>) -> Self {
        let state = State {
            fates: Mutex::new(fates.into_iter().collect()),
            ..State::of(server)
        };
        Self::start(state, None).await
    }

    /// One that answers 401 without this value of the header `authorization`.
    pub(super) async fn demanding(server: &Url, authorization: &'static str) -> Self {
        let state = State {
            authorization: Some(authorization),
            ..State::of(server)
        };
        Self::start(state, None).await
    }

    /// One that speaks TLS, under this identity.
    pub(super) async fn secured(server: &Url, identity: &Identity) -> Self {
        Self::start(State::of(server), Some(identity.acceptor())).await
    }

    /// One that meets who waits at the barrier when a request to this path has come, and again before it passes.
    pub(super) async fn pausing(server: &Url, path: &'static str) -> (Self, Arc<Barrier>) {
        let barrier = Arc::new(Barrier::new(2));
        let state = State {
            pause: Some((path, Arc::clone(&barrier))),
            ..State::of(server)
        };
        (Self::start(state, None).await, barrier)
    }

    async fn start(state: State, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => answer(stream, state).await,
                        // A client that does not trust us goes away in the handshake.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                answer(stream, state).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url, state }
    }

    /// Bodies of the bulk requests so far.
    pub(super) fn bulk_bodies(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }
}

/// A certificate that nobody knows, for 127.0.0.1, and its key.
pub(super) struct Identity {
    folder: TempDir,
}

impl Identity {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let config = "[req]\ndistinguished_name = name\nx509_extensions = own\nprompt = no\n\
            [name]\nCN = trendy test\n\
            [own]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = critical, CA:FALSE\n";
        std::fs::write(folder.path().join("config"), config).unwrap();
        let made = std::process::Command::new("openssl")
            .current_dir(folder.path())
            .args(
                "req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
                    .split(' '),
            )
            .args("-config config -keyout key.pem -out certificate.pem".split(' '))
            .output()
            .expect("the command `openssl` is there");
        assert!(made.status.success(), "{made:?}");
        Self { folder }
    }

    pub(super) fn certificate(&self) -> std::path::PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn acceptor(&self) -> TlsAcceptor {
        let certificate = CertificateDer::from_pem_file(self.certificate()).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.folder.path().join("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// One request a connection: every answer says `connection: close`.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    if let Some(expected) = state.authorization
        && request.header("authorization") != Some(expected)
    {
        let refusal =
            br#"{"error": {"type": "security_exception", "reason": "unable to authenticate"}}"#;
        return respond(&mut stream, 401, refusal).await;
    }
    if let Some((path, barrier)) = &state.pause
        && request.path().starts_with(path)
    {
        barrier.wait().await;
        barrier.wait().await;
    }
    let is_bulk = request.path().starts_with("/_bulk");
    let mut fate = Fate::Pass;
    if is_bulk {
        state
            .seen
            .lock()
            .unwrap()
            .push(String::from_utf8(request.body.clone()).unwrap());
        fate = state
            .fates
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Fate::Pass);
    }
    match fate {
        Fate::Pass => {
            let (status, body) = pass(&request, &state.server).await;
            respond(&mut stream, status, &body).await;
        }
        Fate::Answer(status, body) => respond(&mut stream, status, body.as_bytes()).await,
        Fate::LostAnswer => drop(pass(&request, &state.server).await),
        Fate::HalfAnswer => {
            let (status, body) = pass(&request, &state.server).await;
            respond_with(&mut stream, status, &body[..body.len() / 2], body.len()).await;
        }
        Fate::CutInRequest => {
            let address = (
                state.server.host_str().unwrap(),
                state.server.port().unwrap(),
            );
            let mut server = TcpStream::connect(address).await.unwrap();
            server.write_all(request.head.as_bytes()).await.unwrap();
            server
                .write_all(&request.body[..request.body.len() / 2])
                .await
                .unwrap();
        }
    }
}

impl Request {
    fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (of, value) = line.split_once(':')?;
            of.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut request = Request {
        head,
        body: Vec::new(),
    };
    let length = request.header("content-length");
    let length = length.map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    request.body = body;
    Some(request)
}

async fn pass(request: &Request, server: &Url) -> (u16, Vec<u8>) {
    let response = reqwest::Client::builder()
        .build()
        .unwrap()
        .request(
            request.method().parse().unwrap(),
            server.join(request.path()).unwrap(),
        )
        .header("content-type", "application/json")
        .body(request.body.clone())
        .send()
        .await
        .unwrap();
    (
        response.status().as_u16(),
        response.bytes().await.unwrap().to_vec(),
    )
}

async fn respond(stream: &mut (impl AsyncWrite + Unpin), status: u16, body: &[u8]) {
    respond_with(stream, status, body, body.len()).await;
}

/// Promises so many bytes, of which these come.
async fn respond_with(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    body: &[u8],
    length: usize,
) {
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    // The client may have gone away.
    stream.write_all(head.as_bytes()).await.ok();
    stream.write_all(body).await.ok();
    stream.shutdown().await.ok();
}
