//! The application on a socket, served as `start::serve` does it.

use super::TestApp;
use std::{net::SocketAddr, sync::Arc};
use tokenlife::server::{
    transport::Readiness,
    transport::{Ended, ServeSettings, Stop, Workers, serve},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Stops on drop.
pub struct Server {
    pub address: SocketAddr,
    stop: watch::Sender<Stop>,
    task: JoinHandle<Ended>,
}

impl Server {
    pub async fn start(app: &TestApp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stop_receiver) = watch::channel(Stop::No);
        let router = app.router.clone();
        let workers = Arc::new(Workers::start().expect("threads"));
        let serving = serve(listener, router, ServeSettings::default(), workers, Readiness::default(), stop_receiver);
        Self { address, stop, task: tokio::spawn(serving) }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Makes it stop after the requests in flight.
    pub fn ask_to_stop(&self) {
        self.stop.send_replace(Stop::Gracefully);
    }

    /// How it stopped.
    pub async fn ended(&mut self) -> Ended {
        (&mut self.task).await.expect("it does not panic")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(Stop::AtOnce);
    }
}
