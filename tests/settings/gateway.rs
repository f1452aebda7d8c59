//! `[[app.gateway.route]]`: tables that may come several times.

use super::{environment, load, settings_file, shipped};
use std::time::Duration;
use tokenlife::server::{
    boot::{
        commands::settings::config_check,
        start::{self, StartError},
    },
    config::{Config, Environment, RouteConfig, TokenPolicy},
};

const TWO: &str = r#"
[[app.gateway.route]]
prefix = "/api/notes"
upstream = "http://127.0.0.1:4000"

[[app.gateway.route]]
prefix = "/files"
upstream = "http://files.internal:8080/v1/"
strip_prefix = false
methods = ["GET", "HEAD"]
token = "user-or-anonymous"
audience = "https://files.example"
connect_timeout = "500ms"
answer_timeout = "1h"
idle_timeout = "10m"
max_body_bytes = 0
max_connections = 7
"#;

#[test]
fn each_table_is_a_route() {
    let routes = load(TWO, &[]).unwrap().gateway.routes;
    assert_eq!(routes.len(), 2);
    assert_eq!(routes[0].token, TokenPolicy::User);
    assert_eq!(routes[0].audience(), "http://127.0.0.1:4000");
    let upstream = routes[1].upstream.clone().unwrap();
    assert_eq!((upstream.origin(), upstream.base()), ("http://files.internal:8080", "/v1"));
    assert_eq!(upstream.authority().as_str(), "files.internal:8080");
    let expected = RouteConfig {
        prefix: "/files".to_owned(),
        upstream: Some(upstream),
        strip_prefix: false,
        methods: vec![axum::http::Method::GET, axum::http::Method::HEAD],
        token: TokenPolicy::UserOrAnonymous,
        audience: Some("https://files.example".to_owned()),
        connect_timeout: Duration::from_millis(500),
        response_timeout: Duration::from_hours(1),
        idle_timeout: Duration::from_mins(10),
        max_body_bytes: 0,
        max_connections: 7,
    };
    assert_eq!(routes[1], expected);
}

#[test]
fn config_check_prints_routes_that_can_be_read_again() {
    let (folder, path) = settings_file(TWO);
    let variables = environment(&[("TOKENLIFE__DATA__DIR", folder.path().to_str().unwrap())]);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    config_check(&path, &variables, &mut out, &mut err).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert_eq!(String::from_utf8(err).unwrap(), "");
    assert_eq!(out.matches("[[app.gateway.route]]").count(), 2, "{out}");
    assert!(out.contains(&format!("# {}:5\n", path.display())), "the line of the first prefix: {out}");
    assert_eq!(load(&out, &[]).unwrap().gateway, Config::load_from(&path, &variables).unwrap().gateway);
}

/// What stands in the second of two tables, and what is said about it.
const WRONG: &str = r#"
upstream = "http://a:1"
    6: [[app.gateway.route]] prefix: missing; write a path such as "/api/notes"
prefix = "/x"
    6: [[app.gateway.route]] upstream: missing; write the service's address, such as "http://127.0.0.1:4000"
prefix = "api"
    7: [[app.gateway.route]] prefix = "api": not a plain path; write a path such as "/api/notes"
prefix = "/"
    7: [[app.gateway.route]] prefix = "/": not a plain path; write a path such as "/api/notes"
prefix = "/api/"
    7: [[app.gateway.route]] prefix = "/api/": not a plain path; write a path such as "/api/notes"
prefix = "/a/../b"
    7: [[app.gateway.route]] prefix = "/a/../b": not a plain path; write a path such as "/api/notes"
prefix = "/a%20b"
    7: [[app.gateway.route]] prefix = "/a%20b": not a plain path; write a path such as "/api/notes"
prefix = "/one"
    7: [[app.gateway.route]] prefix = "/one": another route has it already; write each prefix once
prefix = "/health/x"
    7: [[app.gateway.route]] prefix = "/health/x": /health is the application's own; write a path that no page and no server function uses
upstream = "https://a"
    7: [[app.gateway.route]] upstream: https, which the gateway does not speak yet; write the service's address, such as "http://127.0.0.1:4000"
upstream = "http://u:hunter2@a"
    7: [[app.gateway.route]] upstream: has a user name or password; write the service's address, such as "http://127.0.0.1:4000"
upstream = "http://a/?q"
    7: [[app.gateway.route]] upstream: has a query or fragment; write the service's address, such as "http://127.0.0.1:4000"
upstream = "127.0.0.1:4000"
    7: [[app.gateway.route]] upstream: not a URL (relative URL without a base); write the service's address, such as "http://127.0.0.1:4000"
upstream = "http://127.0.0.1:3000/x"
    7: [[app.gateway.route]] upstream: is this application itself; write where the service listens
audience = "http://127.0.0.1:3000"
    7: [[app.gateway.route]] audience = "http://127.0.0.1:3000": is this application itself; write what the service calls itself, such as its URL
audience = "a b"
    7: [[app.gateway.route]] audience = "a b": has other characters than visible ASCII; write the service's URL
token = "users"
    7: [[app.gateway.route]] token = "users": no such policy; write "none", "user", "user-or-anonymous" or "client"
strip_prefix = "no"
    7: [[app.gateway.route]] strip_prefix = "no": a text in quotes; write true or false, without quotes
methods = ["GET", "TRACE"]
    7: [[app.gateway.route]] methods = ["GET", "TRACE"]: "TRACE" is not a method that is passed on; write methods such as ["GET", "POST"]
methods = []
    7: [[app.gateway.route]] methods = []: no method at all; write methods such as ["GET", "POST"]
idle_timeout = "2h"
    7: [[app.gateway.route]] idle_timeout = "2h": out of range; write a value from "100ms" to "1h"
max_connections = 0
    7: [[app.gateway.route]] max_connections = 0: out of range; write a value from 1 to 100000
upstreams = "http://a"
    7: [[app.gateway.route]] upstreams: unknown key; the keys of this section are prefix, upstream, strip_prefix, methods, token, audience, connect_timeout, answer_timeout, idle_timeout, max_body_bytes, max_connections
"#;

#[test]
fn each_wrong_value_gives_one_line() {
    let lines: Vec<&str> = WRONG.trim().lines().collect();
    for pair in lines.chunks(2) {
        let (setting, expected) = (pair[0], pair[1].trim());
        let key = setting.split(' ').next().unwrap();
        let mut table = vec!["[[app.gateway.route]]".to_owned(), setting.to_owned()];
        let is_about_absence = expected.contains(": missing");
        for (other, value) in [("prefix", "/two"), ("upstream", "http://two:2")] {
            if other != key && !is_about_absence {
                table.push(format!("{other} = \"{value}\""));
            }
        }
        let first = "[[app.gateway.route]]\nprefix = \"/one\"\nupstream = \"http://one:1\"\n";
        let (folder, path) = settings_file(&format!("{first}{}\n", table.join("\n")));
        let error = Config::load_from(&path, &Environment::default()).expect_err(setting);
        let said = error.to_string().replace(&format!("{}/", folder.path().display()), "");
        assert_eq!(said, format!("Leptos.toml:{expected}"), "{setting}");
    }
}

#[test]
fn an_audience_without_a_token_is_refused() {
    let text =
        "[[app.gateway.route]]\nprefix = \"/x\"\nupstream = \"http://a:1\"\ntoken = \"none\"\naudience = \"a\"\n";
    let error = load(text, &[]).unwrap_err().to_string();
    assert!(error.ends_with("audience = \"a\": for a token that is not sent; remove it, or set token"), "{error}");
}

#[test]
fn other_tables_are_refused() {
    for (text, expected) in [
        ("[app.gateway.route]\nprefix = \"/x\"\n", "[app.gateway] route: unknown key; the sections are [app.data]"),
        ("[app.gateway]\nroutes = 1\n", "[app.gateway] routes: unknown key; the sections are [app.data]"),
        (
            "[[app.gateway.rout]]\nprefix = \"/x\"\n",
            "[[app.gateway.rout]]: unknown section; the sections are [app.data]",
        ),
        ("[[app.http.x]]\ny = 1\n", "[[app.http.x]]: unknown section; the sections are [app.data]"),
    ] {
        let error = load(text, &[]).unwrap_err();
        assert_eq!(error.lines().len(), 1, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains("[app.limits], [[app.gateway.route]], [app.log]"), "{error}");
    }
}

#[test]
fn no_variable_names_a_route() {
    let error = load(TWO, &[("TOKENLIFE__GATEWAY__ROUTE", "x")]).unwrap_err().to_string();
    assert!(error.starts_with("TOKENLIFE__GATEWAY__ROUTE: no such setting"), "{error}");
}

// Listing the pages spawns tasks.
#[tokio::test]
async fn a_prefix_that_would_hide_a_page_or_a_server_function_is_refused_at_start() {
    let clash = |prefix: &str| {
        let text = format!("[[app.gateway.route]]\nprefix = \"{prefix}\"\nupstream = \"http://a:1\"\n");
        match start::refuse_prefix_conflicts(&load(&text, &[]).unwrap()) {
            Ok(()) => None,
            Err(StartError::PrefixConflict { path, .. }) => Some(path),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(clash("/login").as_deref(), Some("/login"));
    assert!(clash("/api").is_some_and(|path| path.starts_with("/api/")));
    assert!(clash("/api/session").is_some_and(|path| path.starts_with("/api/session/")));
    assert_eq!(clash("/api/notes"), None);
    assert_eq!(clash("/account/files"), None);
    start::refuse_prefix_conflicts(&Config::load_from(&shipped("Leptos.toml"), &Environment::default()).unwrap())
        .unwrap();
}
