//! The house stands: two zones, one wall, rooms that use only what stands before them.

#![cfg(feature = "ssr")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The rooms of the house, from the ground up: a room may use what stands before it, and nothing else. So there can be no
/// circle. What belongs to both sides and what belongs to the server alone stand in one list, because the pages are
/// rendered by the server. `cargo test --features ssr --test architecture -- --nocapture the_rooms` prints it with what
/// each room uses.
const ROOMS: [&str; 34] = [
    // Both sides.
    "encoding",
    "paths",
    "respond",
    "sign_in_method",
    "validation",
    "error",
    "wording",
    "model",
    "upstream",
    "browser",
    // The server: the ground.
    "server::clock",
    "server::redacted",
    "server::random",
    "server::config",
    "server::telemetry",
    "server::transport",
    "server::domain",
    "server::keyring",
    "server::store",
    "server::service",
    "server::wire",
    "server::error",
    // The server: the way of a request.
    "server::edge",
    "server::auth",
    "server::gateway",
    "server::state",
    "server::oauth",
    "server::context",
    // What people see and call.
    "api",
    "components",
    "pages",
    "app",
    // The server: what puts it together.
    "server::web",
    "server::boot",
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

/// The room a file is in.
fn room_of(file: &Path) -> Option<String> {
    room(&module_of(file))
}

/// The room of a module or of something in it. `lib.rs`, `main.rs` and `server.rs` only hold the rooms.
fn room(path: &[String]) -> Option<String> {
    match path {
        [server, room, ..] if server == "server" => Some(format!("server::{room}")),
        [room, ..] if !["lib", "main", "server"].contains(&room.as_str()) => Some(room.clone()),
        _ => None,
    }
}

/// The module that a file is, as a path in the crate.
fn module_of(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    path.iter().skip(1).filter_map(|part| part.to_str()).map(str::to_owned).collect()
}

/// What a file uses by `crate::…` or `super::…`, as paths in the crate. Unit tests do not count.
fn used_paths(file: &Path, text: &str) -> Vec<Vec<String>> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
    let absolute = |mut path: Vec<String>| {
        let ups = path.iter().take_while(|segment| *segment == "super").count();
        if ups == 0 {
            path.remove(0);
            return path;
        }
        let mut base = module_of(file);
        base.truncate(base.len().saturating_sub(ups));
        base.extend(path.drain(ups..));
        base
    };
    paths_in(code).into_iter().map(absolute).collect()
}

/// All source files but those of unit tests, with what each uses.
fn uses() -> BTreeMap<PathBuf, Vec<Vec<String>>> {
    let is_test = |file: &Path| file.iter().any(|name| name == "tests" || name == "tests.rs");
    let files = sources("src").into_iter().filter(|(file, _)| !is_test(file));
    files.map(|(file, text)| (file.clone(), used_paths(&file, &text))).collect()
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
fn the_rooms_use_only_what_stands_before_them() {
    let place = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut used_by_room: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, used) in uses() {
        let Some(own) = room_of(&file) else { continue };
        assert!(place(&own).is_some(), "{} stands in no room of the list: add {own}", file.display());
        let used: BTreeSet<String> = used.iter().filter_map(|path| room(path)).filter(|used| *used != own).collect();
        for used in &used {
            assert!(place(used) < place(&own), "{} may not use {used}, which does not stand before it", file.display());
        }
        used_by_room.entry(own).or_default().extend(used);
    }
    for room in ROOMS {
        let used = used_by_room.get(room).unwrap_or_else(|| panic!("{room} is in the list, and no such room exists"));
        println!("{room:20} {}", used.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    }
}

/// What the domain may use besides the standard library and crates.
const USED_BY_DOMAIN: [&str; 4] = ["sign_in_method", "validation", "server::clock", "server::redacted"];

/// The domain compiles without the pages' framework: neither it nor what it uses names Leptos.
#[test]
fn the_domain_uses_neither_leptos_nor_the_wire() {
    for (file, used) in uses() {
        if room_of(&file).as_deref() != Some("server::domain") {
            continue;
        }
        for used in used.iter().filter_map(|path| room(path)).filter(|used| used != "server::domain") {
            assert!(USED_BY_DOMAIN.contains(&used.as_str()), "{} may not use {used}", file.display());
        }
    }
    for (file, text) in sources("src") {
        let room = room_of(&file).unwrap_or_default();
        if room == "server::domain" || USED_BY_DOMAIN.contains(&room.as_str()) {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let used = code.filter(|line| line.contains("leptos")).collect::<Vec<_>>();
            assert!(used.is_empty(), "{} uses Leptos: {used:?}", file.display());
        }
    }
}

/// A file and those below it may use each other; two others may not, nor a longer chain.
#[test]
fn no_files_use_each_other_in_a_circle() {
    let files = uses();
    let modules: BTreeMap<Vec<String>, &Path> = files.keys().map(|file| (module_of(file), file.as_path())).collect();
    let file_of = |path: &[String]| (1..=path.len()).rev().find_map(|end| modules.get(&path[..end]).copied());
    let is_kin = |one: &Path, other: &Path| {
        let (one, other) = (module_of(one), module_of(other));
        one.starts_with(&other) || other.starts_with(&one)
    };
    let mut left: BTreeMap<&Path, BTreeSet<&Path>> = files
        .iter()
        .map(|(file, used)| {
            let used = used.iter().filter_map(|path| file_of(path)).filter(|used| !is_kin(used, file));
            (file.as_path(), used.collect())
        })
        .collect();
    // Takes away the files that use nothing that is left, until none does.
    while let Some(done) =
        left.iter().find(|(_, used)| !used.iter().any(|used| left.contains_key(used))).map(|(f, _)| *f)
    {
        left.remove(done);
    }
    let circle: Vec<_> = left.keys().map(|file| file.display().to_string()).collect();
    assert!(circle.is_empty(), "among these there is a circle: {circle:#?}");
}

#[test]
fn the_reader_of_paths_reads_groups() {
    let code = "use crate::{a::B, server::{c::{D, E}, f}};\nuse super::super::g::H;\nlet x = crate::i::J::new();";
    let used = used_paths(Path::new("src/server/web/pages.rs"), code);
    let rooms: BTreeSet<String> = used.iter().filter_map(|path| room(path)).collect();
    let expected = ["a", "i", "server::c", "server::f", "server::g"].map(str::to_owned);
    assert_eq!(rooms, BTreeSet::from(expected));
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
                file.starts_with("src/api") && line.starts_with("    use crate::server::context;"),
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
        let wraps = ["src/components/text_area.rs", "src/server/edge/error_response/page.rs"];
        if wraps.iter().all(|wrap| file != Path::new(wrap)) {
            assert!(!text.contains("<textarea"), "{} writes a text that is not escaped", file.display());
        }
        if file != Path::new("src/server/auth/cookies.rs") {
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
