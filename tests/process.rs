//! The program as operators run it: its commands, its log and its end.

#![cfg(all(feature = "ssr", unix))]
#![expect(clippy::unwrap_used, reason = "Clippy knows the test functions as tests, but not what they share")]

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// How often a server that starts is looked for: longer than any start takes.
const TRIES: u32 = 1000;

/// A place with settings and data of its own.
struct Place {
    folder: TempDir,
    address: SocketAddr,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site/pkg");
        fs::create_dir_all(&site).unwrap();
        fs::write(site.join("tokenlife.css"), "body{}").unwrap();
        // Free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { folder, address }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokenlife"));
        command
            .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/Leptos.toml")])
            .args(arguments)
            .env("LEPTOS_SITE_ADDR", self.address.to_string())
            .env("LEPTOS_SITE_ROOT", self.path("site"))
            .env("TOKENLIFE__DATA__DIR", self.path("data"))
            .env("TOKENLIFE__LOG__FILTER", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// A server that answers.
    fn serve(&self) -> Server {
        let server = Server(self.command(&[]).spawn().unwrap());
        for _ in 0..TRIES {
            if self.get("/health/ready").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 ")) {
                return server;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("nobody is ready on {}", self.address);
    }

    fn get(&self, path: &str) -> io::Result<String> {
        let mut connection = TcpStream::connect(self.address)?;
        let Self { address, .. } = self;
        write!(connection, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

/// A running server, which goes when this goes.
struct Server(Child);

impl Server {
    /// Asks it to stop, and waits; returns its exit code, if it was not killed by a signal.
    fn stop(&mut self) -> Option<i32> {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[track_caller]
fn assert_refused(output: &Output, why: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains(why), "{told}");
}

#[track_caller]
fn assert_done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_log_that_cannot_be_written_stops_nobody() {
    let place = Place::new();
    let mut server = place.serve();
    // Whoever reads the log is gone.
    drop(server.0.stderr.take());
    for _ in 0..3 {
        let answer = place.get("/login").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_version_of_the_master_secret_is_not_retired_before_a_server_makes_under_the_next() {
    let place = Place::new();
    assert_eq!(place.serve().stop(), Some(0));
    assert_done(&place.run(&["secret", "rotate"]));
    // Commands make nothing under it, however many are run.
    assert_done(&place.run(&["secret", "list"]));
    for retire in [&["secret", "retire", "--version", "1"][..], &["secret", "retire", "--version", "1", "--force"]] {
        assert_refused(&place.run(retire), "no server makes under version 2 yet");
    }

    assert_eq!(place.serve().stop(), Some(0));
    assert_refused(&place.run(&["secret", "retire", "--version", "1"]), "version 1 is needed until");
    assert_done(&place.run(&["secret", "retire", "--version", "1", "--force"]));
}
