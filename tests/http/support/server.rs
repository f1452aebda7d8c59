//! The application on a socket, served as `start::serve` does it.

use super::TestApp;
use std::net::SocketAddr;
use tokenlife::server::http::{
    health::Readiness,
    serve::{ServeSettings, Stop, serve},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Stops when it goes.
pub struct Server {
    pub address: SocketAddr,
    stop: watch::Sender<Stop>,
}

impl Server {
    pub async fn start(app: &TestApp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stop_receiver) = watch::channel(Stop::No);
        let router = app.router.clone();
        tokio::spawn(serve(listener, router, ServeSettings::default(), Readiness::default(), stop_receiver));
        Self { address, stop }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(Stop::AtOnce);
    }
}
