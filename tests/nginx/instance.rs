//! Instances that do what the test says, down to the bytes.

use super::PATIENCE;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

/// Somebody who listens where nginx expects an instance.
pub struct Instance {
    pub address: SocketAddr,
    connections: mpsc::UnboundedReceiver<TcpStream>,
    accepted: Arc<AtomicUsize>,
}

impl Instance {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, connections) = mpsc::unbounded_channel();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                if sender.send(stream).is_err() {
                    break;
                }
            }
        });
        Self { address, connections, accepted }
    }

    /// The next connection that nginx makes.
    pub async fn connection(&mut self) -> Connection {
        let stream = timeout(PATIENCE, self.connections.recv()).await.expect("nobody connects").unwrap();
        Connection { stream, read: Vec::new() }
    }

    /// Counts the connections.
    pub fn count(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.accepted)
    }

    /// Answers every request with `200` and a short text, without end.
    pub fn answer_all(mut self) -> Arc<AtomicUsize> {
        let answered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answered);
        tokio::spawn(async move {
            while let Some(stream) = self.connections.recv().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let mut connection = Connection { stream, read: Vec::new() };
                    while connection.next_head().await.is_some() {
                        count.fetch_add(1, Ordering::Relaxed);
                        connection
                            .write(
                                "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncache-control: public, max-age=60\r\n\r\nhere",
                            )
                            .await;
                    }
                });
            }
        });
        answered
    }
}

/// A connection from nginx.
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// The head of the next request, in lower case.
    pub async fn head(&mut self) -> String {
        self.next_head().await.expect("a request")
    }

    async fn next_head(&mut self) -> Option<String> {
        Some(self.read_through("\r\n\r\n").await?.to_ascii_lowercase())
    }

    /// Waits for this text; returns all that came up to and with it. Nothing if the connection ends before.
    pub async fn read_through(&mut self, text: &str) -> Option<String> {
        loop {
            if let Some(at) = self.read.windows(text.len()).position(|window| window == text.as_bytes()) {
                let rest = self.read.split_off(at + text.len());
                return String::from_utf8(std::mem::replace(&mut self.read, rest)).ok();
            }
            if timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await.expect("nothing comes").ok()? == 0 {
                return None;
            }
        }
    }

    pub async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }
}
