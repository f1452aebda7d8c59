//! One server: the release binary as a process of its own, started, stopped, killed and paused at will.

use super::{
    http::Client,
    lab::{Fallible, Lab},
    paths::READY,
    skew::Skew,
};
use hyper::{Request, header};
use std::{
    fs::{self, File, OpenOptions},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// How long a server may take to become ready before the lab gives up.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long it may take to stop when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A server process and how to start it again.
#[derive(Debug)]
pub struct Instance {
    pub address: SocketAddr,
    binary: PathBuf,
    settings: Vec<(String, String)>,
    log: PathBuf,
    skew: Option<Skew>,
    process: Option<Child>,
}

impl Instance {
    /// The server of this number, not started yet.
    pub fn new(lab: &Lab, number: u16, settings: &[(String, String)], skew: Option<Skew>) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, lab.tools.first_port + number));
        let mut settings = settings.to_vec();
        settings.push(("LEPTOS_SITE_ADDR".to_owned(), address.to_string()));
        settings.push(("LEPTOS_SITE_ROOT".to_owned(), lab.tools.site_root.display().to_string()));
        // The build leaves this file beside the binary when it puts hashes into the names of files.
        if lab.tools.binary.with_file_name("hash.txt").exists() {
            settings.push(("LEPTOS_HASH_FILES".to_owned(), "true".to_owned()));
        }
        let log = lab.folder.path().join(format!("server-{number}.log"));
        Self { address, binary: lab.tools.binary.clone(), settings, log, skew, process: None }
    }

    /// Starts it and waits until it is ready; tells how long that took.
    pub async fn start(&mut self) -> Fallible<Duration> {
        let began = Instant::now();
        self.launch().await?;
        self.ready().await?;
        Ok(began.elapsed())
    }

    /// Starts it as soon as its port is free, and does not wait further.
    pub async fn launch(&mut self) -> Fallible<()> {
        // The server of the scenario before was killed a moment ago.
        let freed = async {
            while TcpListener::bind(self.address).await.is_err() {
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(START_LIMIT, freed).await.map_err(|_| format!("{} is in use", self.address))?;
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.binary);
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        if let Some(skew) = &self.skew {
            skew.apply(&mut command);
        }
        self.process = Some(command.spawn()?);
        Ok(())
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&mut self) -> Fallible<()> {
        let client = Client::default();
        let waiting = async {
            loop {
                let request = Request::get(READY).header(header::HOST, "localhost").body(<_>::default())?;
                if client.send(self.address, request).await.is_ok_and(|answer| answer.status == 200) {
                    return Fallible::Ok(());
                }
                if let Some(status) = self.process.as_mut().map(Child::try_wait).transpose()?.flatten() {
                    return Err(format!("a server ended by itself ({status}): {}", last_line(&self.log)).into());
                }
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(START_LIMIT, waiting).await.map_err(|_| "a server does not become ready")?
    }

    /// `kill -9`: whatever it was doing is left as it is.
    pub async fn kill(&mut self) -> Fallible<()> {
        if let Some(mut process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(&mut self) -> Fallible<()> {
        self.signal("TERM").await?;
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let status = timeout(STOP_LIMIT, process.wait()).await.map_err(|_| "a server does not stop")??;
        if status.success() { Ok(()) } else { Err(format!("a server stopped with {status}").into()) }
    }

    /// Sends a signal by its name.
    pub async fn signal(&self, name: &str) -> Fallible<()> {
        let Some(id) = self.process.as_ref().and_then(Child::id) else { return Err("no server to signal".into()) };
        let status = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status().await?;
        if status.success() { Ok(()) } else { Err(format!("kill -{name}: {status}").into()) }
    }

    /// How many lines of its log, over all starts, contain this text.
    pub fn count_in_log(&self, text: &str) -> Fallible<usize> {
        use std::io::{BufRead as _, BufReader};

        let mut count = 0;
        for line in BufReader::new(File::open(&self.log)?).lines() {
            count += usize::from(line?.contains(text));
        }
        Ok(count)
    }

    /// The first line of its log that contains this text.
    pub fn find_in_log(&self, text: &str) -> Option<String> {
        fs::read_to_string(&self.log).ok()?.lines().find(|line| line.contains(text)).map(str::to_owned)
    }
}

fn last_line(log: &PathBuf) -> String {
    fs::read_to_string(log).ok().and_then(|text| text.lines().last().map(str::to_owned)).unwrap_or_default()
}
