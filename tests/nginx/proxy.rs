//! nginx with the shipped file.

use super::{HOST, client::Client, listening, own_address};
use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// A running nginx. It goes when this goes.
pub struct Proxy {
    pub https: SocketAddr,
    pub http: SocketAddr,
    process: Child,
    folder: TempDir,
}

/// What a whole configuration needs around the shipped file. One process, so that it ends with the test.
const AROUND: &str = "
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
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

impl Proxy {
    /// Starts nginx in front of these instances.
    pub async fn before(instances: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_certificate(folder.path());
        let (https, http) = (own_address(), own_address());
        let shipped = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nginx.conf")).unwrap();
        let servers: Vec<String> =
            instances.iter().map(|address| format!("server {address} max_fails=2 fail_timeout=5s;")).collect();
        let ours = [
            ("server 127.0.0.1:3000 max_fails=2 fail_timeout=5s;", servers.join("\n")),
            ("listen 80;", format!("listen {http};")),
            ("listen 443 ssl http2;", format!("listen {https} ssl http2;")),
            ("/etc/ssl/app.example.com/", String::new()),
        ];
        let conf = ours.iter().fold(shipped, |conf, (theirs, ours)| {
            assert!(conf.contains(theirs), "{theirs} does not stand in deploy/nginx.conf any more");
            conf.replace(theirs, ours)
        });
        fs::write(folder.path().join("tokenlife.conf"), conf).unwrap();
        fs::write(folder.path().join("nginx.conf"), AROUND).unwrap();
        let process = Command::new("nginx")
            .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is installed; script/test gets it");
        let proxy = Self { https, http, process, folder };
        listening(https).await;
        proxy
    }

    /// Somebody on another machine, as far as addresses tell.
    pub fn client(&self) -> Client {
        Client::new(self.https, &self.folder.path().join("fullchain.pem"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Throw-away, for a day.
fn make_certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"])
        .args(["-keyout", "privkey.pem", "-out", "fullchain.pem", "-subj", &format!("/CN={HOST}")])
        .args(["-addext", &format!("subjectAltName=DNS:{HOST}"), "-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder)
        .output()
        .expect("openssl is installed; script/test gets it");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
