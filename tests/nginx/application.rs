//! The application's own binary, told that it stands behind nginx.

use super::{HOST, listening, own_address};
use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// A running instance. It and its data go when this goes.
pub struct Application {
    pub address: SocketAddr,
    process: Child,
    data: TempDir,
}

impl Application {
    /// With the settings as they are shipped, except that the service behind is found at this address.
    pub async fn before(service: SocketAddr) -> Self {
        let (address, data) = (own_address(), tempfile::tempdir().unwrap());
        let shipped = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Leptos.toml")).unwrap();
        let settings = data.path().join("Leptos.toml");
        fs::write(&settings, shipped.replace("http://127.0.0.1:4000", &format!("http://{service}"))).unwrap();
        let site = data.path().join("site");
        fs::create_dir_all(site.join("pkg")).unwrap();
        fs::write(site.join("pkg/tokenlife.css"), "body{}").unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_tokenlife"))
            .arg("--config")
            .arg(settings)
            .env("LEPTOS_SITE_ADDR", address.to_string())
            .env("LEPTOS_SITE_ROOT", &site)
            .env("TOKENLIFE__DATA__DIR", data.path().join("data"))
            .env("TOKENLIFE__HTTP__PUBLIC_URL", format!("https://{HOST}"))
            .env("TOKENLIFE__HTTP__TRUSTED_PROXIES", "127.0.0.1")
            .env("TOKENLIFE__LOG__FILTER", "warn")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let application = Self { address, process, data };
        listening(address).await;
        application
    }

    pub fn database(&self) -> PathBuf {
        self.data.path().join("data/tokenlife.sqlite3")
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
