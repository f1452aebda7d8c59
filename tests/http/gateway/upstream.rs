//! Upstreams that behave, and some that do not.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{future::Future, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// An axum server.
pub async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// An upstream that reports the request it received.
pub async fn echo() -> SocketAddr {
    serve(Router::new().fallback(describe)).await
}

async fn describe(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let received = json!({
        "method": head.method.as_str(), "target": head.uri.to_string(), "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    axum::Json(received).into_response()
}

/// The request that an [`echo`] received.
pub struct RequestKind(Value);

impl RequestKind {
    pub fn read(body: &str) -> Self {
        Self(serde_json::from_str(body).unwrap_or_else(|_| panic!("no echo: {body}")))
    }

    pub fn target(&self) -> &str {
        self.0["target"].as_str().expect("a target")
    }

    pub fn method(&self) -> &str {
        self.0["method"].as_str().expect("a method")
    }

    pub fn body(&self) -> &str {
        self.0["body"].as_str().expect("a body")
    }

    /// All values of a header.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.0["headers"].as_array().expect("headers");
        all.iter().filter(|pair| pair[0] == name).filter_map(|pair| pair[1].as_str()).collect()
    }

    /// The single value of a header; empty if it was not sent.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let values = self.headers(name);
        assert!(values.len() <= 1, "{name}: {values:?}");
        values.first().copied().unwrap_or_default()
    }

    pub fn token(&self) -> &str {
        self.header("authorization").strip_prefix("Bearer ").expect("a token")
    }
}

/// An upstream that always sends the same response.
pub async fn constant(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> SocketAddr {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.append(*name, value.parse().expect("a header value"));
    }
    let status = StatusCode::from_u16(status).expect("a status");
    serve(Router::new().fallback(move || {
        let mut response = Response::new(Body::from(Bytes::from_static(body.as_bytes())));
        (*response.status_mut(), *response.headers_mut()) = (status, all.clone());
        async move { response }
    }))
    .await
}

/// An upstream that handles each connection itself, once the head of a request has arrived.
pub async fn raw<F, Fut>(behave: F) -> SocketAddr
where
    F: Fn(TcpStream, String) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let behave = behave.clone();
            tokio::spawn(async move {
                let head = read_head(&mut connection).await;
                behave(connection, head).await;
            });
        }
    });
    address
}

pub async fn read_head(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// An upstream that sends these bytes as its response, and then closes.
pub async fn answering(bytes: &'static [u8]) -> SocketAddr {
    raw(move |mut connection, _| async move {
        let _ = connection.write_all(bytes).await;
        let _ = connection.shutdown().await;
    })
    .await
}

/// An upstream that accepts connections and sends nothing.
pub async fn hanging() -> SocketAddr {
    raw(|connection, _| async move {
        std::future::pending::<()>().await;
        drop(connection);
    })
    .await
}

/// An address without a listener.
pub async fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address")
}
