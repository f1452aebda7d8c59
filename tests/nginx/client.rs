//! Somebody on the other side of nginx, by TLS.

use super::{HOST, PATIENCE};
use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper::{HeaderMap, Request, Response, StatusCode, body::Incoming, client::conn, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{net::SocketAddr, path::Path, sync::Arc};
use tokio::{net::TcpSocket, time::timeout};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

/// Not the address that nginx itself connects from.
pub const ADDRESS: &str = "127.0.0.2";

/// Believes no certificate but the one of the test.
pub struct Client {
    server: SocketAddr,
    roots: Arc<RootCertStore>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Client {
    pub fn new(server: SocketAddr, certificate: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
        Self { server, roots: Arc::new(roots) }
    }

    /// A request for a path, as the browser at the public URL would send it.
    pub fn request(method: &str, path: &str) -> hyper::http::request::Builder {
        Request::builder().method(method).uri(path).header(header::HOST, HOST)
    }

    /// Asks on a connection of its own.
    pub async fn ask(&self, request: Request<Body>) -> Answer {
        Answer::of(self.begin(request).await).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Self::request("GET", path).body(Body::empty()).unwrap()).await
    }

    /// Asks, and returns as soon as the head of the answer is there.
    pub async fn begin(&self, request: Request<Body>) -> Response<Incoming> {
        let stream = self.connect(Version::Http1).await;
        let (mut sender, connection) = conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        timeout(PATIENCE, sender.send_request(request)).await.expect("no answer").unwrap()
    }

    /// Asks by HTTP/2.
    pub async fn get_by_http2(&self, path: &str) -> Answer {
        let stream = self.connect(Version::Http2).await;
        let (mut sender, connection) =
            conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(format!("https://{HOST}{path}")).body(Body::empty()).unwrap();
        Answer::of(timeout(PATIENCE, sender.send_request(request)).await.expect("no answer").unwrap()).await
    }

    /// A bare connection, by TLS.
    pub async fn connect(&self, version: Version) -> TlsStream<tokio::net::TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{ADDRESS}:0").parse().unwrap()).unwrap();
        let stream = socket.connect(self.server).await.unwrap();
        let mut config = ClientConfig::builder().with_root_certificates(Arc::clone(&self.roots)).with_no_client_auth();
        let protocol: &[u8] = if version == Version::Http2 { b"h2" } else { b"http/1.1" };
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from(HOST).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
        stream
    }
}

impl Answer {
    pub async fn of(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = timeout(PATIENCE, body.collect()).await.expect("no end of the answer").unwrap().to_bytes();
        Self { status: head.status, headers: head.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    #[track_caller]
    pub fn assert_status(self, expected: u16) -> Self {
        assert_eq!(self.status, expected, "{}", self.body);
        self
    }
}
