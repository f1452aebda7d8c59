//! The fault proxy: stands between browser and server, and does to a connection what was planned for it.
//!
//! A browser that wants a fault opens a connection for that one request, and says beforehand, by its own address, what
//! shall happen to it. Nothing of this is in the request, so the server sees what it would see in life.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Half of the request gets through, then the connection is cut.
    CutRequest,
    /// The request gets through and is carried out. When the answer begins to arrive, the connection is cut.
    CutAnswer,
    /// The same, after so many bytes of the answer.
    CutWithinAnswer(usize),
    /// The request is under way for so long.
    HoldRequest(Duration),
    /// The answer is under way for so long.
    HoldAnswer(Duration),
}

/// A proxy in front of one server.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    /// Ends with the proxy.
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    plans: Mutex<HashMap<SocketAddr, Fault>>,
    answers_cut: AtomicUsize,
}

impl Proxy {
    pub async fn in_front_of(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { server, plans: Mutex::default(), answers_cut: AtomicUsize::new(0) });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, _tasks: tasks })
    }

    /// Opens a connection to the server that this will happen to.
    pub async fn connect(&self, fault: Fault) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        self.state.plans().insert(socket.local_addr()?, fault);
        socket.connect(self.address).await
    }

    /// How many answers were cut: what the server had done, and the browser never heard of.
    pub fn answers_cut(&self) -> usize {
        self.state.answers_cut.load(Ordering::Relaxed)
    }
}

impl State {
    fn plans(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, Fault>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((browser, peer)) = listener.accept().await {
            let fault = state.plans().remove(&peer);
            let state = Arc::clone(&state);
            // A side that goes away ends both; that is all a failure here means.
            connections.spawn(async move { drop(relay(browser, fault, &state).await) });
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn relay(mut browser: TcpStream, fault: Option<Fault>, state: &State) -> io::Result<()> {
    let mut server = TcpStream::connect(state.server).await?;
    browser.set_nodelay(true)?;
    server.set_nodelay(true)?;
    match fault {
        None => {}
        Some(Fault::CutRequest) => {
            let mut request = vec![0; 16 * 1024];
            let length = browser.read(&mut request).await?;
            return server.write_all(&request[..length / 2]).await;
        }
        Some(Fault::CutAnswer) => {
            first_of_answer(&mut browser, &mut server).await?;
            state.answers_cut.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        Some(Fault::CutWithinAnswer(bytes)) => {
            let answer = first_of_answer(&mut browser, &mut server).await?;
            state.answers_cut.fetch_add(1, Ordering::Relaxed);
            return browser.write_all(&answer[..bytes.min(answer.len() / 2)]).await;
        }
        Some(Fault::HoldRequest(time)) => tokio::time::sleep(time).await,
        Some(Fault::HoldAnswer(time)) => {
            let answer = first_of_answer(&mut browser, &mut server).await?;
            tokio::time::sleep(time).await;
            browser.write_all(&answer).await?;
        }
    }
    copy_bidirectional(&mut browser, &mut server).await.map(drop)
}

/// Passes the request on, until the server begins to answer. By then it has done what was asked.
async fn first_of_answer(browser: &mut TcpStream, server: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut request, mut answer) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        tokio::select! {
            read = server.read(&mut answer) => {
                answer.truncate(read?);
                return if answer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) };
            }
            read = browser.read(&mut request) => match read? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => server.write_all(&request[..length]).await?,
            },
        }
    }
}
