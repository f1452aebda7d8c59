//! `[app.http]`: what the server takes from the network, and for how long.

use super::{
    keys::{KeyWalker, Section, Value, Written, quoted, quoted_duration},
    problems::Problems,
    public_url::PublicUrl,
};
use ipnet::IpNet;
use std::{net::IpAddr, time::Duration};

/// The network side. Where the server listens is Leptos's own setting, `site-addr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// The address people open. It decides the cookies' names and what counts as the same origin.
    pub public_url: PublicUrl,
    /// The reverse proxies whose `X-Forwarded-*` headers are trusted. None by default.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a client may take to send a request's head.
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
    /// How long a connection may stay open between two requests.
    pub idle_timeout: Duration,
    /// How long an answer may take to begin.
    pub request_timeout: Duration,
    /// How long requests are still taken after the server has said that it wants no more.
    pub drain_delay: Duration,
    /// How long requests in flight may take to end when the server stops.
    pub shutdown_timeout: Duration,
    /// The longest body of a form or server function, in bytes.
    pub max_body_bytes: usize,
    /// The longest head of a request, in bytes.
    pub max_header_bytes: usize,
    /// How many connections may be open at once; more wait to be accepted.
    pub max_connections: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            public_url: PublicUrl::default(),
            trusted_proxies: Vec::new(),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            request_timeout: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(10),
            max_body_bytes: 64 * 1024,
            max_header_bytes: 16 * 1024,
            max_connections: 4096,
        }
    }
}

impl Section for HttpConfig {
    fn name(&self) -> &'static str {
        "http"
    }

    fn keys(&mut self, walker: &mut dyn KeyWalker) {
        walker.key("public_url", &mut self.public_url);
        walker.key("trusted_proxies", &mut self.trusted_proxies);
        walker.key("header_timeout", &mut self.header_timeout);
        walker.key("body_timeout", &mut self.body_timeout);
        walker.key("idle_timeout", &mut self.idle_timeout);
        walker.key("request_timeout", &mut self.request_timeout);
        walker.key("drain_delay", &mut self.drain_delay);
        walker.key("shutdown_timeout", &mut self.shutdown_timeout);
        walker.key("max_body_bytes", &mut self.max_body_bytes);
        walker.key("max_header_bytes", &mut self.max_header_bytes);
        walker.key("max_connections", &mut self.max_connections);
    }

    fn validate(&self, problems: &mut Problems) {
        let timeouts = [
            ("header_timeout", self.header_timeout),
            ("body_timeout", self.body_timeout),
            ("idle_timeout", self.idle_timeout),
            ("request_timeout", self.request_timeout),
            ("shutdown_timeout", self.shutdown_timeout),
        ];
        for (key, timeout) in timeouts {
            problems.require_range(("http", key), timeout, &(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT), quoted_duration);
        }
        let drain_delays = Duration::ZERO..=LONGEST_DRAIN_DELAY;
        problems.require_range(("http", "drain_delay"), self.drain_delay, &drain_delays, quoted_duration);
        let sizes = [
            ("max_body_bytes", self.max_body_bytes, 1024..=16 * 1024 * 1024),
            // hyper panics below 8 KiB.
            ("max_header_bytes", self.max_header_bytes, 8 * 1024..=1024 * 1024),
            ("max_connections", self.max_connections, 1..=1_000_000),
        ];
        for (key, size, range) in sizes {
            problems.require_range(("http", key), size, &range, |size| size.to_string());
        }
        if self.trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
            let remedy = "write the networks your own proxies are in, such as [\"10.0.0.0/8\"]";
            problems.refuse(("http", "trusted_proxies"), "would let everybody forge their address", remedy);
        }
    }
}

const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_hours(1);
const LONGEST_DRAIN_DELAY: Duration = Duration::from_mins(5);

impl Value for Vec<IpNet> {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = written.list()?.into_iter().map(parse_network).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        let networks: Vec<String> = self.iter().map(quoted).collect();
        Some(format!("[{}]", networks.join(", ")))
    }

    fn example(&self) -> &'static str {
        "addresses or networks such as [\"127.0.0.1\", \"10.0.0.0/8\"], in a variable 127.0.0.1,10.0.0.0/8"
    }
}

/// A network, or a single address.
fn parse_network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map(|network| network.trunc()).map_err(|_| format!("{text:?} is not an address or network"))
}
