//! The gateway, with real upstreams on loopback sockets.

mod failures;
mod headers;
mod pages;
mod streams;
mod tokens;
pub mod upstream;
mod websockets;

use crate::support::{Answer, Browser, TestApp};
use axum::{
    body::Body,
    http::{Method, Request, header, request::Builder},
};
use std::net::SocketAddr;
use tokenlife::server::config::{RouteConfig, TokenPolicy};

pub const PREFIX: &str = "/api/notes";

/// A route to an upstream on this machine.
fn route(prefix: &str, service: SocketAddr, token: TokenPolicy) -> RouteConfig {
    RouteConfig {
        prefix: prefix.to_owned(),
        upstream: Some(format!("http://{service}").parse().expect("an address")),
        token,
        ..RouteConfig::default()
    }
}

async fn app_with(routes: Vec<RouteConfig>) -> TestApp {
    TestApp::with_config(|config| config.gateway.routes = routes).await
}

/// An application with one upstream, for signed-in users.
pub async fn app_before(service: SocketAddr) -> TestApp {
    app_with(vec![route(PREFIX, service, TokenPolicy::User)]).await
}

/// A call by a script of this application.
fn script(app: &TestApp, method: Method, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::ACCEPT, "application/json")
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-mode", "cors")
        .header("sec-fetch-dest", "empty")
        .header(header::ORIGIN, &app.origin)
}

pub async fn fetch(app: &TestApp, browser: &mut Browser<'_>, path: &str) -> Answer {
    browser.send(script(app, Method::GET, path).body(Body::empty()).expect("a request")).await
}
