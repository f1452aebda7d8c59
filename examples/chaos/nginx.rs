//! nginx in front of the servers, with the file that is shipped for it.

use super::lab::{Fallible, Lab};
use std::{fs, net::SocketAddr, path::Path, process::Stdio, time::Duration};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

/// How long nginx passes over a server that it could not reach. Shorter than shipped, because nobody here waits longer
/// between two restarts.
pub const PASSED_OVER: Duration = Duration::from_secs(1);

const START_LIMIT: Duration = Duration::from_secs(5);

/// What a whole configuration needs around the shipped file. One process, so that it ends with the lab.
const AROUND: &str = "
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include tokenlife.conf;
}
";

/// A running nginx. It goes when this goes.
#[derive(Debug)]
pub struct Nginx {
    _process: Child,
}

impl Nginx {
    /// Starts it in front of these servers.
    pub async fn start(lab: &Lab, address: SocketAddr, servers: &[SocketAddr]) -> Fallible<Self> {
        let binary = lab.tools.nginx.as_deref().ok_or("nginx is needed")?;
        let folder = lab.folder.path().join("nginx");
        fs::create_dir(&folder)?;
        fs::write(folder.join("nginx.conf"), AROUND)?;
        fs::write(folder.join("tokenlife.conf"), as_shipped(&folder, address, servers)?)?;
        let process = Command::new(binary)
            .args(["-e", "error.log", "-c", "nginx.conf", "-p"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let waiting = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(START_LIMIT, waiting).await.is_err() {
            return Err(format!("nginx does not start: {}", fs::read_to_string(folder.join("error.log"))?).into());
        }
        Ok(Self { _process: process })
    }
}

/// The shipped file for these servers, without TLS, which the lab's browsers do not speak.
fn as_shipped(folder: &Path, address: SocketAddr, servers: &[SocketAddr]) -> Fallible<String> {
    let shipped = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nginx.conf"))?;
    let seconds = PASSED_OVER.as_secs();
    let servers: Vec<String> =
        servers.iter().map(|server| format!("server {server} max_fails=2 fail_timeout={seconds}s;")).collect();
    let plain: Vec<&str> = shipped.lines().filter(|line| !line.trim_start().starts_with("ssl_")).collect();
    let ours = [
        ("server 127.0.0.1:3000 max_fails=2 fail_timeout=5s;", servers.join("\n    ")),
        ("listen 80;", format!("listen unix:{}/redirects.sock;", folder.display())),
        ("listen 443 ssl http2;", format!("listen {address};")),
    ];
    ours.into_iter().try_fold(plain.join("\n"), |conf, (theirs, ours)| {
        if conf.contains(theirs) {
            Ok(conf.replace(theirs, &ours))
        } else {
            Err(format!("{theirs} does not stand in deploy/nginx.conf any more").into())
        }
    })
}
