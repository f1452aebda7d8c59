//! `[[app.gateway.route]]`: the services behind this application, one table each.

mod upstream;

pub use upstream::UpstreamUrl;

use super::{
    keys::{KeyWalker, Section, Tables, Value, Written, quoted, quoted_duration},
    problems::{KeyPath, Problems},
    public_url::PublicUrl,
};
use axum::http::Method;
use std::{ops::RangeInclusive, time::Duration};

const TABLES: &str = "gateway.route";

/// The services behind. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayConfig {
    pub routes: Vec<RouteConfig>,
}

/// The paths below one prefix, and the service that answers them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfig {
    /// Where the service is found here, such as `/api/notes`: this path and all below it.
    pub prefix: String,
    /// Where the service itself is. There is none only as long as the settings are being read.
    pub upstream: Option<UpstreamUrl>,
    /// Whether the service sees its paths without the prefix.
    pub strip_prefix: bool,
    /// The methods that are passed on.
    pub methods: Vec<Method>,
    /// Whose token the service gets.
    pub token: TokenPolicy,
    /// Whom the token is for (RFC 7519 §4.1.3, `aud`); the origin of the upstream if it is not set.
    pub audience: Option<String>,
    /// How long connecting may take, and waiting while the service has `max_connections`.
    pub connect_timeout: Duration,
    /// How long an answer may take to begin.
    pub response_timeout: Duration,
    /// How long a stream may be silent: an answer under way, or both sides of a websocket.
    pub idle_timeout: Duration,
    /// The longest body of a request, in bytes.
    pub max_body_bytes: usize,
    /// How many requests the upstream gets at once, streams included; more wait. One user, or one address where no user
    /// is signed in, gets at most a quarter of them, but at least two.
    pub max_connections: usize,
}

/// Whose token a service gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenPolicy {
    /// None: the client's own `Authorization` is forwarded.
    None,
    /// The signed-in user's. Requests without a session are refused.
    #[default]
    User,
    /// The signed-in user's, if there is one.
    UserOrAnonymous,
    /// The application's own.
    Client,
}

impl RouteConfig {
    /// Whom the token is for.
    #[must_use]
    pub fn audience(&self) -> &str {
        let origin = self.upstream.as_ref().map_or("", UpstreamUrl::origin);
        self.audience.as_deref().unwrap_or(origin)
    }
}

impl Default for RouteConfig {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            upstream: None,
            strip_prefix: true,
            methods: [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE].into(),
            token: TokenPolicy::default(),
            audience: None,
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_mins(1),
            max_body_bytes: 1024 * 1024,
            max_connections: 256,
        }
    }
}

impl Section for GatewayConfig {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn keys(&mut self, walker: &mut dyn KeyWalker) {
        walker.tables(TABLES, &mut self.routes);
    }

    fn validate(&self, problems: &mut Problems) {
        for (item, route) in self.routes.iter().enumerate() {
            let key = |key| KeyPath { table: TABLES, item: Some(item), key };
            self.validate_prefix(item, key("prefix"), problems);
            if route.upstream.is_none() && !problems.is_refused(key("upstream")) {
                problems.refuse(key("upstream"), "missing", format_args!("write {}", upstream::EXAMPLE));
            }
            let audience = route.audience.as_deref().unwrap_or("a");
            if !audience.bytes().all(|byte| byte.is_ascii_graphic()) {
                problems.refuse(key("audience"), "has other characters than visible ASCII", "write the service's URL");
            }
            if route.audience.is_some() && route.token == TokenPolicy::None {
                problems.refuse(key("audience"), "for a token that is not sent", "remove it, or set token");
            }
            for (name, timeout) in [
                ("connect_timeout", route.connect_timeout),
                ("answer_timeout", route.response_timeout),
                ("idle_timeout", route.idle_timeout),
            ] {
                problems.require_range(key(name), timeout, &TIMEOUTS, quoted_duration);
            }
            for (name, size, range) in [
                ("max_body_bytes", route.max_body_bytes, 0..=LARGEST_BODY),
                ("max_connections", route.max_connections, 1..=MOST_CONNECTIONS),
            ] {
                problems.require_range(key(name), size, &range, |size| size.to_string());
            }
        }
    }
}

impl GatewayConfig {
    fn validate_prefix(&self, item: usize, key: KeyPath, problems: &mut Problems) {
        let Some(RouteConfig { prefix, .. }) = self.routes.get(item) else { return };
        if problems.is_refused(key) {
            return;
        }
        let reserved = RESERVED.iter().find(|reserved| {
            prefix.strip_prefix(**reserved).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let taken = self.routes.iter().take(item).any(|other| other.prefix == *prefix);
        if prefix.is_empty() {
            problems.refuse(key, "missing", format_args!("write {PREFIX_EXAMPLE}"));
        } else if !is_plain_path(prefix) {
            problems.refuse(key, "not a plain path", format_args!("write {PREFIX_EXAMPLE}"));
        } else if let Some(reserved) = reserved {
            let wrong = format!("{reserved} is the application's own");
            problems.refuse(key, wrong, "write a path that no page and no server function uses");
        } else if taken {
            problems.refuse(key, "another route has it already", "write each prefix once");
        }
    }

    /// Looks at what does not go together with the address of the application itself.
    pub(super) fn validate_beside(&self, public_url: &PublicUrl, problems: &mut Problems) {
        for (item, route) in self.routes.iter().enumerate() {
            let key = |key| KeyPath { table: TABLES, item: Some(item), key };
            let own = public_url.origin();
            if route.upstream.as_ref().is_some_and(|upstream| upstream.origin() == own) {
                problems.refuse(key("upstream"), "is this application itself", "write where the service listens");
            } else if route.audience() == own {
                // Else the service could use what it gets to act as that person here.
                let remedy = "write what the service calls itself, such as its URL";
                problems.refuse(key("audience"), "is this application itself", remedy);
            }
        }
    }
}

const PREFIX_EXAMPLE: &str = "a path such as \"/api/notes\"";
/// What is served besides pages and server functions. (A clash with those is found when the server starts.)
const RESERVED: [&str; 4] = ["/.well-known", "/health", "/oauth", "/pkg"];
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);
const LARGEST_BODY: usize = 1024 * 1024 * 1024 * 1024;
const MOST_CONNECTIONS: usize = 100_000;

/// Whether a path has nothing in it that could be written in another way.
fn is_plain_path(path: &str) -> bool {
    let is_plain = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~'))
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_plain))
}

impl Tables for Vec<RouteConfig> {
    fn count(&self) -> usize {
        self.len()
    }

    fn make(&mut self, count: usize) {
        self.resize_with(count, RouteConfig::default);
    }

    fn keys(&mut self, item: usize, walker: &mut dyn KeyWalker) {
        let Some(route) = self.get_mut(item) else { return };
        walker.key("prefix", &mut route.prefix);
        walker.key("upstream", &mut route.upstream);
        walker.key("strip_prefix", &mut route.strip_prefix);
        walker.key("methods", &mut route.methods);
        walker.key("token", &mut route.token);
        walker.key("audience", &mut route.audience);
        walker.key("connect_timeout", &mut route.connect_timeout);
        walker.key("answer_timeout", &mut route.response_timeout);
        walker.key("idle_timeout", &mut route.idle_timeout);
        walker.key("max_body_bytes", &mut route.max_body_bytes);
        walker.key("max_connections", &mut route.max_connections);
    }
}

impl Value for TokenPolicy {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = match written.text()? {
            "none" => Self::None,
            "user" => Self::User,
            "user-or-anonymous" => Self::UserOrAnonymous,
            "client" => Self::Client,
            _ => return Err("no such policy".to_owned()),
        };
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(match self {
            Self::None => "none",
            Self::User => "user",
            Self::UserOrAnonymous => "user-or-anonymous",
            Self::Client => "client",
        }))
    }

    fn example(&self) -> &'static str {
        "\"none\", \"user\", \"user-or-anonymous\" or \"client\""
    }
}

impl Value for Vec<Method> {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        let methods: Self = written.list()?.into_iter().map(known_method).collect::<Result<_, _>>()?;
        if methods.is_empty() {
            return Err("no method at all".to_owned());
        }
        *self = methods;
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        let methods: Vec<String> = self.iter().map(quoted).collect();
        Some(format!("[{}]", methods.join(", ")))
    }

    fn example(&self) -> &'static str {
        "methods such as [\"GET\", \"POST\"]"
    }
}

/// A method that the origin check knows too: whether it may change something has to be clear.
fn known_method(text: &str) -> Result<Method, String> {
    let known = [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    known.into_iter().find(|method| method == text).ok_or_else(|| format!("{text:?} is not a method that is passed on"))
}
