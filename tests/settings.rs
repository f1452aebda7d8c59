//! The settings file that is shipped, and what happens to a wrong one.
#![cfg(feature = "ssr")]
#![expect(clippy::unwrap_used, reason = "Clippy knows the test functions as tests, but not what they share")]

#[path = "settings/config_check.rs"]
mod config_check;
#[path = "settings/gateway.rs"]
mod gateway;
#[path = "settings/master_secret.rs"]
mod master_secret;
#[path = "settings/refusals.rs"]
mod refusals;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokenlife::server::config::{
    Config, ConfigError, DataConfig, DatabaseUrl, Environment, GatewayConfig, LogFormat, MasterSecretSource,
    RouteConfig, Setting, leptos_options,
};

const SITE: &str = "[package.metadata.leptos]\noutput-name = \"tokenlife\"\n";
/// 32 bytes from `openssl rand -base64 32`, used nowhere else.
const SECRET: &str = "pvtqs1hTbA+dHI1sHHrLHPzGQkLyWbXCjrChkfWqQx8=";

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn shipped_text() -> String {
    fs::read_to_string(shipped("Leptos.toml")).unwrap()
}

/// A settings file with Leptos's part and this text.
fn settings_file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Leptos.toml");
    fs::write(&path, format!("{SITE}{text}")).unwrap();
    (folder, path)
}

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let (_folder, path) = settings_file(text);
    Config::load_from(&path, &environment(variables))
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().fold(Environment::default(), |all, (name, value)| all.with(name, value))
}

fn write_secret(file: &Path, text: &str, mode: u32) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

fn site_table(file: &str) -> toml::Table {
    let document: toml::Table = fs::read_to_string(shipped(file)).unwrap().parse().unwrap();
    document["package"]["metadata"]["leptos"].as_table().unwrap().clone()
}

/// The keys that stand in one place only, and so have a variable each.
fn explained(path: &Path, variables: &[(&str, &str)]) -> Vec<Setting> {
    let (_, mut settings) = Config::explain(path, &environment(variables)).unwrap();
    settings.retain(|setting| setting.item.is_none());
    settings
}

fn variable(setting: &Setting) -> String {
    format!("TOKENLIFE__{}__{}", setting.section, setting.key).to_ascii_uppercase()
}

#[test]
fn the_two_halves_of_leptos_settings_agree() {
    let (build, run) = (site_table("Cargo.toml"), site_table("Leptos.toml"));
    for key in ["output-name", "site-root", "site-pkg-dir", "site-addr", "reload-port"] {
        assert!(build.contains_key(key) && run.contains_key(key), "{key} has to stand in both files");
    }
    for (key, value) in &run {
        assert_eq!(build.get(key).unwrap_or(value), value, "{key} differs between Cargo.toml and Leptos.toml");
    }
    // cargo-leptos hands these to the server it starts, but a server started by hand has only its file.
    for key in ["hash-files", "hash-file", "server-fn-prefix", "disable-server-fn-hash", "server-fn-mod-path"] {
        assert_eq!(build.get(key), run.get(key), "{key} is needed at build time and at run time");
    }
}

#[test]
fn the_shipped_settings_are_the_defaults() {
    let config = Config::load_from(&shipped("Leptos.toml"), &Environment::default()).unwrap();
    assert_eq!(config.gateway.routes.len(), 1, "the service that comes with the project");
    assert_eq!(Config { gateway: GatewayConfig::default(), ..config.clone() }, Config::default());
    assert_eq!(config.database_url().as_str(), "sqlite://data/tokenlife.sqlite3");
    assert_eq!(config.http.public_url.origin(), "http://127.0.0.1:3000");
    assert_eq!((config.auth.access_ttl, config.auth.refresh_ttl), (hours(1), hours(30 * 24)));
    Config::for_tests().validate().unwrap();
}

fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

#[test]
fn leptos_reads_its_part_of_the_shipped_settings() {
    let options = leptos_options(&shipped("Leptos.toml")).unwrap();
    assert_eq!(&*options.output_name, "tokenlife");
    assert_eq!(&*options.site_root, "target/site");
}

#[test]
fn every_key_is_documented_with_its_default_and_its_variable() {
    let text = shipped_text();
    let settings = explained(&shipped("Leptos.toml"), &[]);
    for setting in &settings {
        let name = variable(setting);
        assert!(text.contains(&name), "{name} is not mentioned in Leptos.toml");
        let assignment = format!("{} = ", setting.key);
        let stands = text.lines().any(|line| line.trim_start_matches("# ").starts_with(&assignment));
        assert!(stands, "[app.{}] {} is not shown in Leptos.toml", setting.section, setting.key);
    }
    let mentioned: BTreeSet<&str> = text
        .split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .filter(|word| word.starts_with("TOKENLIFE__") && word.len() > "TOKENLIFE__".len())
        .collect();
    let known: BTreeSet<String> =
        settings.iter().map(variable).chain(["TOKENLIFE__AUTH__MASTER_SECRET".to_owned()]).collect();
    assert_eq!(mentioned.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), known);
}

#[test]
fn an_example_that_is_commented_out_works_when_it_is_not() {
    let is_setting = |line: &&str| line.contains(" = ") || line.starts_with("[[");
    let shown = |line: &str| line.strip_prefix("# ").filter(is_setting).map(str::to_owned);
    let text: Vec<String> = shipped_text().lines().map(|line| shown(line).unwrap_or(line.to_owned())).collect();
    let (_folder, path) = settings_file("");
    fs::write(&path, text.join("\n")).unwrap();
    let config = Config::load_from(&path, &Environment::default()).unwrap();
    assert_eq!(config.database_url(), Config::default().database_url());
    assert_eq!(config.http, Config::default().http);
    assert_eq!(config.auth.master_secret, MasterSecretSource::File("/run/secrets/tokenlife".into()));
    let [route] = &config.gateway.routes[..] else { panic!("one route: {:?}", config.gateway) };
    let default = RouteConfig::default();
    assert_eq!((route.prefix.as_str(), route.audience()), ("/api/notes", "http://127.0.0.1:4000"));
    let upstream = route.upstream.clone();
    assert_eq!(
        *route,
        RouteConfig { prefix: "/api/notes".to_owned(), upstream, audience: route.audience.clone(), ..default }
    );
}

#[test]
fn the_variable_of_each_key_goes_before_the_file() {
    // Key, value in the variable, the same as it would stand in the file.
    let values: BTreeMap<&str, (&str, &str)> = BTreeMap::from([
        ("dir", ("/var/lib/tokenlife", "\"/var/lib/tokenlife\"")),
        ("url", ("sqlite://elsewhere.sqlite3", "\"sqlite://elsewhere.sqlite3\"")),
        ("pool_size", ("3", "3")),
        ("acquire_timeout", ("700ms", "\"700ms\"")),
        ("statement_timeout", ("9s", "\"9s\"")),
        ("tls", ("require", "\"require\"")),
        ("tls_ca_file", ("/etc/ssl/ca.pem", "\"/etc/ssl/ca.pem\"")),
        ("public_url", ("https://app.example.com", "\"https://app.example.com\"")),
        ("trusted_proxies", ("10.1.2.3/8, ::1", "[\"10.0.0.0/8\", \"::1/128\"]")),
        ("header_timeout", ("1s", "\"1s\"")),
        ("body_timeout", ("2s", "\"2s\"")),
        ("idle_timeout", ("3s", "\"3s\"")),
        ("request_timeout", ("4s", "\"4s\"")),
        ("drain_delay", ("5s", "\"5s\"")),
        ("shutdown_timeout", ("500ms", "\"500ms\"")),
        ("max_body_bytes", ("2048", "2048")),
        ("max_header_bytes", ("8192", "8192")),
        ("max_connections", ("7", "7")),
        ("access_ttl", ("5s", "\"5s\"")),
        ("refresh_ttl", ("2days", "\"2days\"")),
        ("signing_key_rotation", ("7days", "\"7days\"")),
        ("master_secret_file", ("/run/secrets/key", "\"/run/secrets/key\"")),
        ("password_min_length", ("12", "12")),
        ("sign_in_per_address", ("1/s", "\"1/s\"")),
        ("sign_in_per_account", ("2/min", "\"2/min\"")),
        ("sign_up_per_address", ("3/h", "\"3/h\"")),
        ("password_rating_per_address", ("4/min", "\"4/min\"")),
        ("client_failure_per_address", ("5/min", "\"5/min\"")),
        ("format", ("json", "\"json\"")),
        ("filter", ("debug", "\"debug\"")),
    ]);
    let keys = explained(&shipped("Leptos.toml"), &[]);
    assert_eq!(keys.len(), values.len(), "a key without a value here");
    for key in keys {
        let (written, as_toml) = values[key.key];
        assert_ne!(key.value.as_deref(), Some(as_toml), "the default proves nothing");
        let name = variable(&key);
        let settings = explained(&shipped("Leptos.toml"), &[(&name, written)]);
        let setting = settings.iter().find(|found| (found.section, found.key) == (key.section, key.key)).unwrap();
        assert_eq!((setting.value.as_deref(), setting.source.as_str()), (Some(as_toml), name.as_str()));
        assert_eq!(settings.iter().filter(|found| found.source == name).count(), 1);
    }
}

#[test]
fn variables_of_others_are_heard_too() {
    let path = shipped("Leptos.toml");
    let load = |variables| Config::load_from(&path, &environment(variables)).unwrap();
    assert_eq!(load(&[("RUST_LOG", "trace"), ("TOKENLIFE__LOG__FILTER", "debug")]).log.filter, "trace");
    assert_eq!(load(&[("RUST_LOG", ""), ("TOKENLIFE__LOG__FILTER", "debug")]).log.filter, "debug");
    assert!(load(&[]).log.colours && !load(&[("NO_COLOR", "1")]).log.colours);
    assert!(load(&[("LEPTOS_WATCH", "true")]).watch && !load(&[]).watch);
    assert_eq!(load(&[("LEPTOS_SITE_ADDR", "127.0.0.1:3100")]).http.public_url.origin(), "http://127.0.0.1:3100");
    let both = [("LEPTOS_SITE_ADDR", "0.0.0.0:80"), ("TOKENLIFE__HTTP__PUBLIC_URL", "https://app.example.com")];
    assert_eq!(load(&both).http.public_url.origin(), "https://app.example.com");
}

#[test]
fn the_file_goes_before_the_defaults() {
    let config = load("[app.auth]\naccess_ttl = \"5min\"\n[app.log]\nformat = \"json\"\n", &[]).unwrap();
    assert_eq!((config.auth.access_ttl, config.log.format), (Duration::from_mins(5), LogFormat::Json));
    assert_eq!(load("", &[]).unwrap(), Config::default());
}

#[test]
fn no_debug_output_holds_a_secret() {
    let config = load("", &[("TOKENLIFE__AUTH__MASTER_SECRET", SECRET)]).unwrap();
    let mut config = format!("{config:?}");
    assert!(config.contains("MasterSecret(…)") && !config.contains(&SECRET[..8]), "{config}");
    config = format!("{:?}", environment(&[("TOKENLIFE__AUTH__MASTER_SECRET", SECRET)]));
    assert!(!config.contains(&SECRET[..8]), "{config}");
    let url = DatabaseUrl::from("postgres://u:hunter2@db/x");
    assert_eq!(format!("{url:?}"), "postgres://…");
}

#[test]
fn a_data_folder_of_any_name_makes_a_database_url() {
    let url = |dir: &str| Config { data: DataConfig { dir: dir.into() }, ..Config::default() }.database_url();
    assert_eq!(url("/var/lib/tokenlife").as_str(), "sqlite:///var/lib/tokenlife/tokenlife.sqlite3");
    assert_eq!(url("100% sure?").as_str(), "sqlite://100%25 sure%3F/tokenlife.sqlite3");
}
