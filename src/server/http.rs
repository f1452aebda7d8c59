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
mod whole_pages;

use super::{config::Config, oauth, state::AppState, store::Store};
use axum::Router;
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
    let app = catch_panics(functions.merge(site.router()));
    let app = session_layer(app, state.clone());
    let app = origin_check::origin_check(app, config.http.public_url.origin());
    let app = request_limits(app, RequestLimits::from(&config.http));
    // Files are the same for everybody, and health is nobody's.
    let app = assets::assets(app, options.site_root.as_ref().as_ref(), &options.site_pkg_dir);
    let app = app.merge(health::router(readiness.clone(), ping(store)));
    // Clients prove themselves without cookies.
    let app = app.merge(request_limits(oauth::router(state), RequestLimits::from(&config.http)));
    // Whatever happens inside, every answer carries these.
    let app = error_pages(catch_panics(app), pages);
    let app = request_id(app, proxies.clone());
    let app = client_address(app, proxies);
    security_headers(app, HeaderPolicy::new(config.http.public_url.is_https(), reload_port))
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
