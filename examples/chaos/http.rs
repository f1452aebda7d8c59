//! Plain HTTP/1.1, as the network stack of a browser speaks it: kept-alive connections, and an answer or none.

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header,
};
use hyper_util::rt::TokioIo;
use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpStream, time::Instant};

/// Longer than the server may take for anything.
const PATIENCE: Duration = Duration::from_secs(40);

pub type Body = Full<Bytes>;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    pub took: Duration,
}

/// The request was sent, perhaps even carried out, but no whole answer came back.
#[derive(Debug)]
pub struct NoAnswer(String);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoAnswer {}

impl NoAnswer {
    fn because(error: &dyn fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl From<io::Error> for NoAnswer {
    fn from(error: io::Error) -> Self {
        Self::because(&error)
    }
}

impl From<hyper::Error> for NoAnswer {
    fn from(error: hyper::Error) -> Self {
        Self::because(&error)
    }
}

impl Answer {
    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn set_cookies(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok())
    }

    /// Whether it takes cookies away.
    pub fn deletes(&self) -> bool {
        self.set_cookies().any(|line| line.contains("; Max-Age=0"))
    }

    /// The refresh token it brings.
    pub fn refresh_token(&self) -> Option<&str> {
        self.set_cookies().find_map(|line| line.strip_prefix("refreshToken=")?.split(';').next())
    }
}

type Connection = SendRequest<Body>;

/// Connections that wait for their next request, by address.
#[derive(Clone, Debug, Default)]
pub struct Client {
    idle: Arc<Mutex<HashMap<SocketAddr, Vec<Connection>>>>,
}

impl Client {
    /// Sends a request over a connection that is open, or over a new one.
    pub async fn send(&self, to: SocketAddr, mut request: Request<Body>) -> Result<Answer, NoAnswer> {
        let began = Instant::now();
        let exchange = async {
            loop {
                let (mut connection, is_new) = match self.take(to) {
                    Some(connection) => (connection, false),
                    None => (open(TcpStream::connect(to).await?).await?, true),
                };
                match connection.try_send_request(request).await {
                    Ok(response) => {
                        let answer = read(response, began).await?;
                        self.put_back(to, connection);
                        return Ok(answer);
                    }
                    Err(mut error) => match error.take_message() {
                        // The server had closed this connection before anything was sent over it.
                        Some(unsent) if !is_new => request = unsent,
                        _ => return Err(NoAnswer::because(error.error())),
                    },
                }
            }
        };
        within_patience(exchange).await
    }

    fn take(&self, to: SocketAddr) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle.get_mut(&to)?;
        while let Some(connection) = waiting.pop() {
            if connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    fn put_back(&self, to: SocketAddr, connection: Connection) {
        if !connection.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).entry(to).or_default().push(connection);
        }
    }
}

/// Sends a request over a connection of its own.
pub async fn send_over(stream: TcpStream, request: Request<Body>) -> Result<Answer, NoAnswer> {
    let began = Instant::now();
    within_patience(async {
        let mut connection = open(stream).await?;
        let response = connection.send_request(request).await?;
        read(response, began).await
    })
    .await
}

async fn within_patience(exchange: impl Future<Output = Result<Answer, NoAnswer>>) -> Result<Answer, NoAnswer> {
    tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|elapsed| Err(NoAnswer::because(&elapsed)))
}

async fn open(stream: TcpStream) -> Result<Connection, NoAnswer> {
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // How it ends is seen by whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

async fn read(response: hyper::Response<hyper::body::Incoming>, began: Instant) -> Result<Answer, NoAnswer> {
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        took: began.elapsed(),
    })
}
