//! From the connection to the handler: the whole URL map and the order of the layers on one screen.

use super::{
    assets, health,
    pages::{self, AssetNames, Site},
    server_functions,
};
use crate::server::{
    auth::session_layer::SessionLayer,
    config::Config,
    edge::{
        client_address::{TrustedProxies, client_address},
        error_response::{ErrorPages, catch_panics, error_pages},
        limits::{RequestLimits, limited, request_limits},
        origin_check::{self, origin_check},
        request_id::request_id,
        security_headers::{HeaderPolicy, security_headers},
    },
    gateway::{Gateway, Route},
    oauth,
    state::AppState,
    store::{Store, StoreError},
    transport::Readiness,
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
};
use std::sync::Arc;
use tower::{ServiceExt as _, service_fn};

/// All that is served.
pub fn router(state: &AppState, store: &Arc<dyn Store>, config: &Config, readiness: &Readiness) -> Router {
    let options = &state.options;
    let state = Arc::new(state.clone());
    let guard = |limits, is_for_upstream| Guard {
        limits,
        origin: config.http.public_url.origin().into(),
        sessions: SessionLayer {
            sessions: Arc::clone(&state.sessions),
            cookies: state.cookies,
            client: state.web_client.clone(),
            is_for_upstream,
        },
    };
    let limits = RequestLimits::from(&config.http);
    let files = AssetNames::find(options);
    let error_pages = ErrorPages { stylesheet: files.stylesheet.clone() };
    let site = Site::new(AppState::clone(&state), files);
    let reload_port = config.watch.then(|| u16::try_from(options.reload_port).ok()).flatten();

    // These routes need the visitor.
    let functions = origin_check::form_only(server_functions::router(&site));
    let app = guarded(functions.merge(site.router()), guard(limits, false));
    // Files and health checks need no session.
    let app = assets::assets(app, options.site_root.as_ref().as_ref(), &options.site_pkg_dir);
    let app = app.merge(health::router(readiness.clone(), ping(store)));
    // OAuth clients authenticate without cookies.
    let app = app.merge(limited(oauth::router(&state), limits));
    // UpstreamClient behind have limits of their own, and paths that may look like a file's.
    let routes = state.gateway.routes().iter();
    let services = routes.map(|route| (Arc::clone(route), guard(limits_of(route, config), true))).collect();
    let edge = Edge {
        headers: HeaderPolicy::new(config.http.public_url.is_https(), reload_port),
        proxies: TrustedProxies::new(&config.http.trusted_proxies),
        error_pages,
        gateway: Arc::clone(&state.gateway),
        services,
        // Turns its handlers into services now, not for every request anew. `RequestLimits` say how long a body may be.
        application: app.layer(DefaultBodyLimit::disable()).with_state(()),
    };
    let edge = Arc::new(edge);
    Router::new().fallback_service(service_fn(move |request| {
        let edge = Arc::clone(&edge);
        async move { Ok(edge.answer(request).await) }
    }))
}

/// What stands around everything, and what is inside.
struct Edge {
    headers: HeaderPolicy,
    proxies: TrustedProxies,
    error_pages: ErrorPages,
    gateway: Arc<Gateway>,
    /// The longest prefix first.
    services: Vec<(Arc<Route>, Guard)>,
    application: Router,
}

impl Edge {
    /// A request meets the layers from the first line to the last, its answer from the last to the first.
    ///
    /// They are plain functions, one calling the other: each layer of a [`Router`] would be cloned and boxed for every
    /// request, together with all that is inside, and most of what the gateway costs would be that.
    async fn answer(&self, request: Request) -> Response {
        let Self { headers, proxies, error_pages: pages, .. } = self;
        let route = |request| catch_panics(Box::pin(self.route(request)));
        let explain = |request| error_pages(pages, request, route);
        let name = |request| request_id(proxies, request, explain);
        let locate = |request| client_address(proxies, request, name);
        security_headers(headers, request, locate).await
    }

    /// Paths below an upstream's prefix never reach the application.
    async fn route(&self, request: Request) -> Response {
        let path = request.uri().path();
        if let Some((route, guard)) = self.services.iter().find(|(route, _)| route.covers(path)) {
            guard.answer(request, |request| Box::pin(self.gateway.answer(route, request))).await
        } else {
            let Ok(response) = self.application.clone().oneshot(request).await;
            response
        }
    }
}

/// The layers around everything that needs the visitor.
struct Guard {
    limits: RequestLimits,
    origin: Arc<str>,
    sessions: SessionLayer,
}

impl Guard {
    /// As [`Edge::answer`].
    async fn answer<F: Future<Output = Response>>(
        &self,
        request: Request,
        next: impl FnOnce(Request) -> F,
    ) -> Response {
        let inside = |request| catch_panics(next(request));
        let find_visitor = |request| async move {
            match self.sessions.identify(&request).await {
                Ok(identified) => self.sessions.answer(identified, request, inside).await,
                Err(error) => server_functions::refuse(request, error).await,
            }
        };
        let check_origin = |request| origin_check(&self.origin, request, find_visitor);
        request_limits(&self.limits, request, check_origin).await
    }
}

fn guarded(router: Router, guard: Guard) -> Router {
    router.layer(middleware::from_fn_with_state(
        Arc::new(guard),
        async |State(guard): State<Arc<Guard>>, request: Request, next: Next| {
            guard.answer(request, |request| next.run(request)).await
        },
    ))
}

fn limits_of(route: &Route, config: &Config) -> RequestLimits {
    RequestLimits {
        max_body_bytes: u64::try_from(route.max_body_bytes()).unwrap_or(u64::MAX),
        response_timeout: route.response_timeout(),
        overdue: StatusCode::GATEWAY_TIMEOUT,
        ..RequestLimits::from(&config.http)
    }
}

/// The paths of all pages and server functions, as the router writes them.
#[must_use]
pub fn paths_of_the_application() -> Vec<String> {
    pages::paths().chain(server_functions::paths()).collect()
}

fn ping(
    store: &Arc<dyn Store>,
) -> impl Fn() -> futures::future::BoxFuture<'static, Result<(), StoreError>> + Clone + Send + Sync + 'static {
    let store = Arc::clone(store);
    move || {
        let store = Arc::clone(&store);
        Box::pin(async move { store.ping().await })
    }
}
