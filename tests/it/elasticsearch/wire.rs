//! A wire between the program and a server, which breaks where a test asks. It carries bytes and knows of no requests.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

/// What happens on the wire. Bytes are counted for each connection from its beginning.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trouble {
    /// The first connection on which so many bytes have gone to the server breaks.
    CutInRequest(usize),
    /// The first connection on which so many bytes have come back breaks.
    CutInAnswer(usize),
    /// When so many bytes have gone to the server, it is gone for so long, as one that is started again: all connections
    /// break, and new ones are refused.
    Gone(usize, Duration),
    /// Each piece of an answer comes so much later, for ever.
    Slow(Duration),
}

pub(super) struct Wire {
    pub(super) url: Url,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    troubles: Mutex<VecDeque<Trouble>>,
    broken: AtomicUsize,
    gone: watch::Sender<Duration>,
}

impl Wire {
    /// Lays one. These troubles happen in turn; afterwards it holds.
    pub(super) async fn to(server: &Url, troubles: impl IntoIterator<Item = Trouble>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let shared = Arc::new(Shared {
            server: server.socket_addrs(|| None).unwrap()[0],
            troubles: Mutex::new(troubles.into_iter().collect()),
            broken: AtomicUsize::new(0),
            gone: watch::Sender::default(),
        });
        tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { url, shared }
    }

    /// How many connections broke where they were asked to.
    pub(super) fn broken(&self) -> usize {
        self.shared.broken.load(Ordering::SeqCst)
    }
}

async fn serve(mut listener: TcpListener, shared: Arc<Shared>) {
    let address = listener.local_addr().unwrap();
    let mut gone = shared.gone.subscribe();
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                tokio::spawn(carry(client, Arc::clone(&shared)));
            }
            Ok(()) = gone.changed() => {
                let time = *gone.borrow_and_update();
                drop(listener);
                tokio::time::sleep(time).await;
                listener = TcpListener::bind(address).await.unwrap();
            }
        }
    }
}

async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    let mut gone = shared.gone.subscribe();
    let mut server = TcpStream::connect(shared.server).await.unwrap();
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::select! {
        () = pass(Way::There, from_client, to_server, &shared) => {}
        () = pass(Way::Back, from_server, to_client, &shared) => {}
        _ = gone.changed() => {}
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    There,
    Back,
}

/// Passes bytes on until one side ends or trouble comes.
async fn pass(
    way: Way,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
) {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    loop {
        let read = from.read(&mut buffer).await.unwrap_or_default();
        if read == 0 {
            return;
        }
        let trouble = shared.trouble();
        let bound = trouble.and_then(|trouble| trouble.bound(way));
        let most = bound.map_or(read, |bound| bound.saturating_sub(passed).min(read));
        if let (Some(Trouble::Slow(delay)), Way::Back) = (trouble, way) {
            tokio::time::sleep(delay).await;
        }
        if to.write_all(&buffer[..most]).await.is_err() {
            return;
        }
        passed += most;
        if bound == Some(passed) || most < read {
            shared.meet();
            return;
        }
    }
}

impl Trouble {
    /// How many bytes may pass.
    const fn bound(self, way: Way) -> Option<usize> {
        match (self, way) {
            (Self::CutInRequest(bytes) | Self::Gone(bytes, _), Way::There)
            | (Self::CutInAnswer(bytes), Way::Back) => Some(bytes),
            _ => None,
        }
    }
}

impl Shared {
    fn trouble(&self) -> Option<Trouble> {
        self.troubles.lock().unwrap().front().copied()
    }

    fn meet(&self) {
        self.broken.fetch_add(1, Ordering::SeqCst);
        if let Some(Trouble::Gone(_, time)) = self.troubles.lock().unwrap().pop_front() {
            self.gone.send_replace(time);
        }
    }
}
