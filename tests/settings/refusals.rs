//! What is wrong, where, and how to mend it: one line for each problem.

use super::{SITE, environment, settings_file};
use std::{fs, path::Path};
use tokenlife::server::config::{Config, Environment, leptos_options};

/// What is written below a header of `Leptos.toml`, and what is said about it. `…` stands for a remedy shown before.
const WRONG_VALUES: &str = r#"
[app.data] dir = ""
    dir = "": empty; write a path such as "data"
[app.data] dir = 5
    dir = 5: a number without quotes and unit; write a path such as "data"
[app.database] url = "postgres://u:hunter2/x@db/x"
    url: not a URL that leads to a Postgres database; write "postgres://user:password@host:5432/database", with %40 for @, %2F for / and so on in a password
[app.database] url = "postgres://u:hunter2@db/x?sslmode=hunter2"
    url: not a URL that leads to a Postgres database; write …
[app.database] url = "mysql://u:hunter2@db/x"
    url: not a database this application knows; write a URL such as "sqlite://data/tokenlife.sqlite3" or "postgres://user:password@host/database"
[app.database] url = "data.sqlite3"
    url: not a URL; write a URL such as "sqlite://data/tokenlife.sqlite3" or "postgres://user:password@host/database"
[app.database] url = "sqlite://"
    url: names no file; write a URL such as "sqlite://data/tokenlife.sqlite3" or "postgres://user:password@host/database"
[app.database] pool_size = 0
    pool_size = 0: out of range; write a value from 1 to 1000
[app.database] acquire_timeout = "2min"
    acquire_timeout = "2min": out of range; write a value from "100ms" to "1m"
[app.database] statement_timeout = "1ms"
    statement_timeout = "1ms": out of range; write a value from "100ms" to "1m"
[app.database] tls = "on"
    tls = "on": no such mode; write "disable", "prefer", "require", "verify-ca" or "verify-full"
[app.http] public_url = "http://app.example.com"
    public_url: plain http, which is for this machine only: browsers would lose the cookies; write the address people open, such as "https://app.example.com" (on this machine "http://127.0.0.1:3000")
[app.http] public_url = "https://app.example.com/app"
    public_url: has a path, query or fragment: the application owns its whole origin; write …
[app.http] public_url = "https://u:hunter2@app.example.com"
    public_url: has a user name or password; write …
[app.http] public_url = "app.example.com"
    public_url: not a URL (relative URL without a base); write …
[app.http] trusted_proxies = "10.0.0.0/8"
    trusted_proxies = "10.0.0.0/8": a text instead of a list; write addresses or networks such as ["127.0.0.1", "10.0.0.0/8"], in a variable 127.0.0.1,10.0.0.0/8
[app.http] trusted_proxies = ["10.0.0.0/8", "proxy"]
    trusted_proxies = ["10.0.0.0/8", "proxy"]: "proxy" is not an address or network; write …
[app.http] trusted_proxies = ["0.0.0.0/0"]
    trusted_proxies = ["0.0.0.0/0"]: would let everybody forge their address; write the networks your own proxies are in, such as ["10.0.0.0/8"]
[app.http] trusted_proxies = [1]
    trusted_proxies: a list of other things than texts; write …
[app.http] header_timeout = "0s"
    header_timeout = "0s": out of range; write a value from "100ms" to "1h"
[app.http] idle_timeout = "2h"
    idle_timeout = "2h": out of range; write a value from "100ms" to "1h"
[app.http] max_body_bytes = "16 KiB"
    max_body_bytes = "16 KiB": a text in quotes; write a whole number without quotes, such as 16384
[app.http] max_body_bytes = -1
    max_body_bytes = -1: out of range; write a whole number without quotes, such as 16384
[app.http] max_body_bytes = 99999999999999999999
    max_body_bytes: out of range; write a whole number without quotes, such as 16384
[app.http] max_header_bytes = 4096
    max_header_bytes = 4096: out of range; write a value from 8192 to 1048576
[app.http] max_connections = 0
    max_connections = 0: out of range; write a value from 1 to 1000000
[app.http] max_connections = 1.5
    max_connections: a number with a fraction; write a whole number without quotes, such as 16384
[app.auth] access_ttl = "1 hourr"
    access_ttl = "1 hourr": not a duration (unknown time unit "hourr", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations)); write a duration such as "1h", "30s" or "30d"
[app.auth] access_ttl = 3600
    access_ttl = 3600: a number without quotes and unit; write a duration such as "1h", "30s" or "30d"
[app.auth] access_ttl = true
    access_ttl: true or false; write a duration such as "1h", "30s" or "30d"
[app.auth] access_ttl = 2026-11-23
    access_ttl: a date or time; write a duration such as "1h", "30s" or "30d"
[app.auth] access_ttl = "500ms"
    access_ttl = "500ms": out of range; write a value from "1s" to "1day"
[app.auth] access_ttl = "25h"
    access_ttl = "25h": out of range; write a value from "1s" to "1day"
[app.auth] access_ttl = "1500ms"
    access_ttl = "1500ms": cookies and tokens count in seconds; write whole seconds
[app.auth] refresh_ttl = "401d"
    refresh_ttl = "401d": out of range; write a value from "1s" to "400d"
[app.auth] refresh_ttl = "1h"
    refresh_ttl = "1h": a session would end before its first access token; write more than access_ttl, which is "1h"
[app.auth] signing_key_rotation = "9s"
    signing_key_rotation = "9s": out of range; write a value from "10s" to "400d"
[app.auth] password_min_length = 7
    password_min_length = 7: out of range; write a value from 8 to 64
[app.auth] password_min_length = 65
    password_min_length = 65: out of range; write a value from 8 to 64
[app.auth] master_secret = "hunter2"
    master_secret: a secret does not belong in this file; set the variable TOKENLIFE__AUTH__MASTER_SECRET, or the key master_secret_file to the path of a file
[app.auth] master_secret_file = ""
    master_secret_file = "": empty; write the path of a file, such as "/run/secrets/tokenlife"
[app.limits] sign_in_per_address = "30"
    sign_in_per_address = "30": not a rate; write how often (1 to 1000000) per s, min or h, such as "30/min"
[app.limits] sign_up_per_address = "0/h"
    sign_up_per_address = "0/h": not a rate; write how often (1 to 1000000) per s, min or h, such as "30/min"
[app.log] format = "xml"
    format = "xml": no such format; write "text" or "json"
[app.log] filter = "loud,,="
    filter = "loud,,=": not a filter (invalid filter directive); write levels by target, such as "info,tokenlife=debug"
[app.auth] acess_ttl = "1h"
    acess_ttl: unknown key; the keys of this section are access_ttl, refresh_ttl, signing_key_rotation, master_secret_file, password_min_length
"#;

/// A variable as a shell would show it, and what is said about it after its name.
const WRONG_VARIABLES: &str = r#"
TOKENLIFE__AUTH__ACCESS_TTL=3600
    ="3600": not a duration (time unit needed, for example 3600sec or 3600ms); write …
TOKENLIFE__AUTH__ACCESS_TTL=
    ="": empty; write a duration such as "1h", "30s" or "30d"
TOKENLIFE__AUTH__ACCESS_TTL=2days
    ="2days": out of range; write a value from "1s" to "1day"
TOKENLIFE__HTTP__MAX_CONNECTIONS=many\nmore
    ="many\nmore": not a whole number; write a whole number without quotes, such as 16384
TOKENLIFE__DATABASE__URL=postgres://u:hunter2/@db/x
    : not a URL that leads to a Postgres database; write …
TOKENLIFE__AUTH__MASTER_SECRET=
    : empty; write what `openssl rand -base64 32` prints
TOKENLIFE__AUTH__MASTER_SECRET=hunter2
    : the master secret is shorter than 32 bytes; write what `openssl rand -base64 32` prints
TOKENLIFE__AUTH__MASTER_SECRET=hunter2, hunter2, hunter2, hunter2, hunter2
    : the master secret is not base64; write what `openssl rand -base64 32` prints
TOKENLIFE__AUTH__ACES_TTL=hunter2
    : no such setting; there are TOKENLIFE__AUTH__ACCESS_TTL, TOKENLIFE__AUTH__REFRESH_TTL, TOKENLIFE__AUTH__SIGNING_KEY_ROTATION, TOKENLIFE__AUTH__MASTER_SECRET_FILE, TOKENLIFE__AUTH__MASTER_SECRET, TOKENLIFE__AUTH__PASSWORD_MIN_LENGTH
TOKENLIFE__ATUH__ACCESS_TTL=hunter2
    : no such setting; the sections are [app.data], [app.database], [app.http], [app.auth], [app.limits], [[app.gateway.route]], [app.log]
TOKENLIFE_AUTH_ACCESS_TTL=5s
    : not a setting; write TOKENLIFE__AUTH__ACCESS_TTL
tokenlife__auth__access_ttl=5s
    : not a setting; write TOKENLIFE__AUTH__ACCESS_TTL
RUST_LOG=loud,,=
    ="loud,,=": not a filter (invalid filter directive); write levels by target, such as "info,tokenlife=debug"
"#;

/// The pairs of lines of such a table.
fn pairs(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines: Vec<&str> = table.trim().lines().collect();
    assert_eq!(lines.len() % 2, 0, "a line without its fellow");
    lines.chunks(2).map(|pair| (pair[0], pair[1].trim())).collect::<Vec<_>>().into_iter()
}

fn assert_says(lines: &[String], expected: &str) {
    assert_eq!(lines.len(), 1, "{lines:#?} instead of {expected}");
    match expected.strip_suffix('…') {
        Some(start) => assert!(lines[0].starts_with(start), "{} should start with {start}", lines[0]),
        None => assert_eq!(lines[0], expected),
    }
    assert!(!lines[0].contains("hunter2"), "a secret in {}", lines[0]);
}

/// The problems with these settings; the path of the file is cut to its name.
fn problems(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let (folder, path) = settings_file(text);
    let error = Config::load_from(&path, &environment(variables)).expect_err(text);
    let prefix = format!("{}/", folder.path().display());
    error.lines().iter().map(|line| line.replace(&prefix, "")).collect()
}

#[test]
fn each_wrong_value_in_the_file_gives_one_line() {
    for (written, expected) in pairs(WRONG_VALUES) {
        let (header, setting) = written.split_once(' ').unwrap();
        let lines = problems(&format!("\n{header}\n{setting}\n"), &[]);
        assert_says(&lines, &format!("Leptos.toml:5: {header} {expected}"));
    }
}

#[test]
fn each_wrong_variable_gives_one_line() {
    for (written, expected) in pairs(WRONG_VARIABLES) {
        let (name, value) = written.split_once('=').unwrap();
        assert_says(&problems("", &[(name, &value.replace("\\n", "\n"))]), &format!("{name}{expected}"));
    }
}

#[test]
fn tables_that_do_not_belong_here_are_refused() {
    for (text, expected) in [
        (
            "[app.htpp]\n",
            "3: [app.htpp]: unknown section; the sections are [app.data], [app.database], [app.http], [app.auth], [app.limits], [[app.gateway.route]], [app.log]",
        ),
        ("[ap.http]\n", "3: [ap]: unknown; the tables are [package.metadata.leptos] and those below [app]"),
        (
            "[app]\npublic_url = \"https://a.example\"\n",
            "4: [app] public_url: a setting outside of a section; write it below the header of its section, such as [app.http]",
        ),
        (
            "site-adr = \"127.0.0.1:1\"\n",
            "3: [package.metadata.leptos] site-adr: unknown key; the keys read at run time are output-name, site-root, site-pkg-dir, site-addr, reload-port, env, hash-file, hash-files, not-found-path, reload-external-port, reload-ws-protocol, server-fn-prefix, disable-server-fn-hash, server-fn-mod-path",
        ),
        (
            "[package]\nname = \"x\"\n",
            "4: [package] name: unknown; of Cargo's tables only [package.metadata.leptos] belongs in this file",
        ),
        ("[app.http\n", "3: not TOML: unclosed table, expected `]`; see https://toml.io for how it is written"),
    ] {
        assert_eq!(problems(text, &[]), [format!("Leptos.toml:{expected}")], "{text}");
    }
}

#[test]
fn certificates_that_nobody_looks_at_are_refused() {
    let text = "\n[app.database]\ntls = \"require\"\ntls_ca_file = \"ca.pem\"\n";
    let expected = "Leptos.toml:6: [app.database] tls_ca_file = \"ca.pem\": tls is set to look at no certificate; \
                    write tls = \"verify-full\", or leave one of the two out";
    assert_eq!(problems(text, &[]), [expected]);
    let (_folder, path) = settings_file(&text.replace("require", "verify-ca"));
    assert!(Config::load_from(&path, &Environment::default()).is_ok());
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = "[app.auth]\naccess_ttl = \"soon\"\nrefresh_ttl = \"30m\"\npasword_min_length = 9\n[app.log]\nformat = \"xml\"\n";
    let lines = problems(text, &[("TOKENLIFE__LIMITS__SIGN_UP_PER_ADDRESS", "often"), ("TOKENLIFE__X", "")]);
    let expected = [
        "Leptos.toml:4: ",
        "TOKENLIFE__LIMITS__SIGN_UP_PER_ADDRESS",
        "Leptos.toml:8: ",
        "Leptos.toml:6: ",
        "TOKENLIFE__X: ",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(expected) {
        assert!(line.starts_with(start), "{line} should start with {start}");
    }
}

#[test]
fn a_missing_or_unreadable_file_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Leptos.toml");
    let lines = |path: &Path| Config::load_from(path, &Environment::default()).unwrap_err().to_string();
    let name = path.display();
    assert_eq!(lines(&path), format!("{name}: not found; run in the project folder or pass --config <FILE>"));
    assert!(lines(folder.path()).contains("cannot be read"), "{}", lines(folder.path()));
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert_eq!(lines(&path), format!("{name}: not UTF-8 text; save it as UTF-8"));
    fs::write(&path, "").unwrap();
    let error = leptos_options(&path).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{name}: Leptos's settings are missing; write them below the line [package.metadata.leptos]")
    );
    fs::write(&path, format!("{SITE}env = \"moon\"\n")).unwrap();
    let error = leptos_options(&path).unwrap_err();
    assert_eq!(error.lines().len(), 1);
    assert!(error.to_string().starts_with(&format!("{name}: [package.metadata.leptos]: moon is not")), "{error}");
}
