//! The house stands: two zones, one wall, parts that use only what they may.

#![cfg(feature = "ssr")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Which part of the house may use which others: the allowed dependencies, listed roughly from the ground up. Some go
/// both ways, such as those between `api` and `session`. `docs/architecture.md` tells why.
const FLOORS: &[(&str, &[&str])] = &[
    // Both sides.
    ("paths", &[]),
    ("encoding", &[]),
    ("error", &["encoding"]),
    ("model", &["error", "encoding"]),
    ("respond", &["error", "model", "paths"]),
    ("api", &["error", "model", "paths", "respond", "encoding", "session", "server::request"]),
    ("session", &["api", "error", "model", "encoding", "paths", "respond"]),
    ("components", &["session", "api", "error", "model", "encoding", "paths", "respond"]),
    ("pages", &["components", "session", "api", "error", "model", "paths", "respond"]),
    ("app", &["pages", "components", "session", "model", "paths"]),
    // The server.
    ("server::clock", &[]),
    ("server::random", &["server::clock"]),
    ("server::telemetry", &["server::config"]),
    ("server::config", &["server::random"]),
    ("server::domain", &["error", "server::clock"]),
    ("server::keyring", &["server::domain", "server::random"]),
    ("server::store", &["server::clock", "server::domain", "server::keyring"]),
    (
        "server::service",
        &["error", "model", "server::clock", "server::domain", "server::keyring", "server::random", "server::store"],
    ),
    ("server::cookies", &["model", "server::service", "server::domain"]),
    ("server::visitor", &["model", "server::domain", "server::service"]),
    ("server::wire", &["model", "server::clock", "server::domain", "server::keyring"]),
    ("server::error", &["error", "server::domain", "server::service", "server::store"]),
    (
        "server::gateway",
        &[
            "api",
            "error",
            "model",
            "server::clock",
            "server::config",
            "server::cookies",
            "server::domain",
            "server::error",
            "server::http",
            "server::service",
            "server::visitor",
        ],
    ),
    (
        "server::state",
        &[
            "error",
            "model",
            "server::cookies",
            "server::error",
            "server::gateway",
            "server::http",
            "server::keyring",
            "server::service",
            "server::visitor",
            "server::wire",
        ],
    ),
    (
        "server::request",
        &[
            "error",
            "model",
            "paths",
            "server::clock",
            "server::domain",
            "server::http",
            "server::service",
            "server::state",
            "server::visitor",
            "server::wire",
        ],
    ),
    (
        "server::http",
        &[
            "api",
            "app",
            "error",
            "model",
            "paths",
            "server::clock",
            "server::config",
            "server::cookies",
            "server::domain",
            "server::error",
            "server::gateway",
            "server::oauth",
            "server::random",
            "server::service",
            "server::state",
            "server::store",
            "server::telemetry",
            "server::visitor",
        ],
    ),
    (
        "server::oauth",
        &[
            "paths",
            "server::domain",
            "server::error",
            "server::http",
            "server::service",
            "server::state",
            "server::store",
        ],
    ),
    ("server::cli", &[]),
    // The roof.
    (
        "server::start",
        &[
            "model",
            "server::clock",
            "server::config",
            "server::cookies",
            "server::domain",
            "server::error",
            "server::gateway",
            "server::http",
            "server::keyring",
            "server::service",
            "server::state",
            "server::store",
            "server::telemetry",
        ],
    ),
    (
        "server::commands",
        &[
            "components",
            "error",
            "server::cli",
            "server::clock",
            "server::config",
            "server::domain",
            "server::service",
            "server::start",
            "server::store",
            "server::telemetry",
        ],
    ),
];

/// The gates in the wall.
const GATES: [&str; 3] = ["src/lib.rs", "src/main.rs", "src/respond.rs"];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a file");
                found.push((path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("below").to_owned(), text));
            }
        }
    }
    found
}

/// The module a file belongs to, as the floors name it.
fn part_of(file: &Path) -> Option<String> {
    let path = file.with_extension("");
    let parts: Vec<&str> = path.iter().skip(1).filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        ["lib" | "main" | "server"] | [] => None,
        ["server", part, ..] => Some(format!("server::{part}")),
        [part, ..] => Some((*part).to_owned()),
    }
}

/// The parts a file uses by `crate::…` or `super::…`, its own included.
fn used_parts(file: &Path, text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let code = code.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let own = file.with_extension("");
    let own: Vec<&str> = own.iter().skip(1).filter_map(|part| part.to_str()).collect();
    let mut used = BTreeSet::new();
    for path in paths_in(&code) {
        let mut segments: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut base: Vec<&str> = Vec::new();
        if segments.first() == Some(&"super") {
            base.clone_from(&own);
            while segments.first() == Some(&"super") {
                segments.remove(0);
                base.pop();
            }
        } else {
            segments.remove(0);
        }
        base.extend(segments);
        match base.as_slice() {
            ["server", part, ..] => used.insert(format!("server::{part}")),
            [part, ..] => used.insert((*part).to_owned()),
            [] => false,
        };
    }
    used
}

/// All paths that begin with `crate` or `super`, with `use` groups taken apart.
fn paths_in(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = [rest.find("crate::"), rest.find("super::")].into_iter().flatten().min() {
        let before = rest[..start].chars().next_back();
        rest = &rest[start..];
        let inside_a_name = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == ':');
        let read = if inside_a_name { 0 } else { read_path(rest, &mut Vec::new(), &mut found) };
        rest = &rest[read.max("crate::".len())..];
    }
    found
}

/// Reads one path or group; returns how much it read.
fn read_path(text: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let depth = prefix.len();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let skipped = rest.len() - rest.trim_start().len();
        at += skipped;
        let rest = &text[at..];
        if rest.starts_with('{') {
            at += 1;
            loop {
                at += read_path(&text[at..], prefix, found);
                let skipped = text[at..].len() - text[at..].trim_start().len();
                at += skipped;
                match text[at..].chars().next() {
                    Some(',') => at += 1,
                    Some('}') => {
                        at += 1;
                        break;
                    }
                    _ => break,
                }
            }
            break;
        }
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.is_empty() {
            break;
        }
        at += name.len();
        prefix.push(name);
        if text[at..].starts_with("::") {
            at += 2;
        } else {
            found.push(prefix.clone());
            break;
        }
    }
    prefix.truncate(depth);
    at
}

#[test]
fn every_part_uses_only_what_its_floor_allows() {
    for (file, text) in sources("src") {
        let Some(part) = part_of(&file) else { continue };
        if file.iter().any(|name| name == "tests.rs") {
            continue;
        }
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == part) else {
            panic!("{} has no floor: add {part}", file.display())
        };
        for used in used_parts(&file, &text) {
            assert!(used == part || allowed.contains(&used.as_str()), "{} may not use {used}", file.display());
        }
    }
}

#[test]
fn the_reader_of_paths_reads_groups() {
    let code = "use crate::{a::B, server::{c::{D, E}, f}};\nuse super::super::g::H;\nlet x = crate::i::J::new();";
    let used = used_parts(Path::new("src/server/http/site.rs"), code);
    let expected = ["a", "i", "server::c", "server::f", "server::g"].map(str::to_owned);
    assert_eq!(used, BTreeSet::from(expected));
}

#[test]
fn the_wall_has_three_gates() {
    let gates: BTreeSet<String> = sources("src")
        .into_iter()
        .filter(|(_, text)| text.contains("cfg(feature") || text.contains("cfg(not(feature"))
        .map(|(file, _)| file.display().to_string())
        .collect();
    assert_eq!(gates, GATES.map(str::to_owned).into());
}

#[test]
fn server_functions_reach_the_server_only_inside_their_bodies() {
    for (file, text) in sources("src") {
        if file.starts_with("src/server") || GATES.contains(&file.to_str().unwrap_or_default()) {
            continue;
        }
        for line in text.lines().filter(|line| line.contains("crate::server") && !line.trim_start().starts_with("//")) {
            assert!(
                file.starts_with("src/api") && line.starts_with("    use crate::server::request;"),
                "{}: {line}",
                file.display()
            );
        }
    }
}

#[test]
fn nothing_writes_html_or_secrets_past_the_rules() {
    for (file, text) in sources("src") {
        for forbidden in ["inner_html", "localStorage", "local_storage", "ServerFnError::new", "dangerously"] {
            assert!(!text.contains(forbidden), "{} uses {forbidden}", file.display());
        }
        // The one wraps Leptos, which does not escape what stands in it; the other escapes by itself.
        let wraps = ["src/components/text_area.rs", "src/server/http/problem/page.rs"];
        if wraps.iter().all(|wrap| file != Path::new(wrap)) {
            assert!(!text.contains("<textarea"), "{} writes a text that is not escaped", file.display());
        }
        if file != Path::new("src/server/cookies.rs") {
            assert!(!text.contains("Cookie::build"), "{} builds a cookie", file.display());
        }
    }
}

#[test]
fn the_browsers_side_links_no_server_crate() {
    let tree = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--target",
            "wasm32-unknown-unknown",
            "--no-default-features",
            "--features",
            "hydrate",
        ])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"])
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("leptos"));
    for server_only in [
        "argon2",
        "aws-lc-rs",
        "axum",
        "clap",
        "cookie",
        "governor",
        "hyper",
        "hyper-util",
        "jsonwebtoken",
        "leptos_axum",
        "sqlx",
        "tokio",
        "tower-http",
        "tracing-subscriber",
        "zxcvbn",
    ] {
        assert!(!crates.contains(server_only), "{server_only} is in the browser's bundle");
    }
}

#[test]
fn the_services_behind_know_nothing_of_the_application() {
    let services = sources("examples/notes");
    assert!(!services.is_empty());
    for (file, text) in services {
        assert!(!text.contains("tokenlife::"), "{} uses the application's code", file.display());
    }
}

#[test]
fn no_file_is_longer_than_600_lines() {
    for (file, text) in sources("src").into_iter().chain(sources("tests")).chain(sources("examples")) {
        assert!(text.lines().count() <= 600, "{} is long: is one thing really one thing?", file.display());
    }
}
