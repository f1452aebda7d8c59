//! `deploy/nginx.conf` as it is shipped, in front of the application and in front of instances that misbehave.
//!
//! Needs nginx and openssl. `script/test` gets them and runs this: `cargo test --features ssr --test nginx -- --ignored`.
//! On Linux only, where a client can have an address of its own on the loopback network.

#![cfg(all(feature = "ssr", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "Clippy knows the test functions as tests, but not what they share")]

#[path = "nginx/application.rs"]
mod application;
#[path = "nginx/client.rs"]
mod client;
#[path = "nginx/instance.rs"]
mod instance;
#[path = "nginx/proxy.rs"]
mod proxy;
#[path = "nginx/services.rs"]
mod services;
#[path = "nginx/sign_in.rs"]
mod sign_in;
#[path = "nginx/streams.rs"]
mod streams;
#[path = "nginx/upstreams.rs"]
mod upstreams;

use std::{
    net::{Ipv4Addr, SocketAddr},
    process,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};
use tokio::{net::TcpStream, time::Instant};

/// The name in the shipped file, and in the certificate.
const HOST: &str = "app.example.com";

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

/// An address on which nobody else listens: the whole of 127.0.0.0/8 is this machine.
fn own_address() -> SocketAddr {
    static TAKEN: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = process::id().to_be_bytes();
    let ip = Ipv4Addr::new(127, high | 0x80, low, TAKEN.fetch_add(1, Ordering::Relaxed));
    SocketAddr::from((ip, 8443))
}

/// Waits for a process to listen.
async fn listening(address: SocketAddr) {
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(address).await.is_err() {
        assert!(Instant::now() < end, "nobody listens on {address}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
