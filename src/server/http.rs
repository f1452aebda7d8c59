//! From the connection to the handler: the whole URL map and the order of the layers on one screen.

pub mod assets;
pub mod client_address;
pub mod health;
pub mod limits;
pub mod origin_check;
mod pace;
pub mod problem;
pub mod rate_limit;
pub mod request_id;
pub mod security_headers;
pub mod serve;
pub mod server_functions;
pub mod session_layer;
pub mod site;
pub mod trace_context;
pub mod websocket;
mod whole_pages;

use super::{
    config::Config,
    gateway::{self, Route},
    oauth,
    state::AppState,
    store::Store,
};
use axum::{Router, http::StatusCode};
use client_address::{TrustedProxies, client_address};
use health::Readiness;
use limits::{RequestLimits, request_limits};
use problem::{ErrorPages, catch_panics, error_pages};
use request_id::request_id;
use security_headers::{HeaderPolicy, security_headers};
use session_layer::session_layer;
use site::{AssetNames, Site};
use std::sync::Arc;

/// All that is served. A request meets the layers from the last line to the first.
pub fn router(state: &AppState, store: &Arc<dyn Store>, config: &Config, readiness: &Readiness) -> Router {
    let options = &state.options;
    let files = AssetNames::find(options);
    let pages = ErrorPages { stylesheet: files.stylesheet.clone() };
    let site = Site::new(state.clone(), files);
    let proxies = TrustedProxies::new(&config.http.trusted_proxies);
    let reload_port = config.watch.then(|| u16::try_from(options.reload_port).ok()).flatten();

    // Who is asking matters here.
    let functions = origin_check::form_only(server_functions::router(&site));
    let app = guarded(functions.merge(site.router()), RequestLimits::from(&config.http), state, config);
    // Files are the same for everybody, and health is nobody's.
    let app = assets::assets(app, options.site_root.as_ref().as_ref(), &options.site_pkg_dir);
    let app = app.merge(health::router(readiness.clone(), ping(store)));
    // Clients prove themselves without cookies.
    let app = app.merge(request_limits(oauth::router(state), RequestLimits::from(&config.http)));
    // Services behind have limits of their own, and paths that may look like a file's.
    let services = state.gateway.routes().iter().map(|route| {
        let service = gateway::service(Arc::clone(&state.gateway), Arc::clone(route));
        (Arc::clone(route), guarded(service, limits_of(route, config), state, config))
    });
    let app = gateway::beside(app, services.collect());
    // Whatever happens inside, every answer carries these.
    let app = error_pages(catch_panics(app), pages);
    let app = request_id(app, proxies.clone());
    let app = client_address(app, proxies);
    security_headers(app, HeaderPolicy::new(config.http.public_url.is_https(), reload_port))
}

/// What stands around everything for which it matters who is asking.
fn guarded(router: Router, limits: RequestLimits, state: &AppState, config: &Config) -> Router {
    let router = session_layer(catch_panics(router), state.clone());
    let router = origin_check::origin_check(router, config.http.public_url.origin());
    request_limits(router, limits)
}

fn limits_of(route: &Route, config: &Config) -> RequestLimits {
    RequestLimits {
        max_body_bytes: u64::try_from(route.max_body_bytes()).unwrap_or(u64::MAX),
        answer_timeout: route.answer_timeout(),
        overdue: StatusCode::GATEWAY_TIMEOUT,
        ..RequestLimits::from(&config.http)
    }
}

/// The paths of all pages and server functions, as the router writes them.
#[must_use]
pub fn paths_of_the_application() -> Vec<String> {
    site::paths().chain(server_functions::paths()).collect()
}

fn ping(
    store: &Arc<dyn Store>,
) -> impl Fn() -> futures::future::BoxFuture<'static, Result<(), super::store::StoreError>> + Clone + Send + Sync + 'static
{
    let store = Arc::clone(store);
    move || {
        let store = Arc::clone(&store);
        Box::pin(async move { store.ping().await })
    }
}
