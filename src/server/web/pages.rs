//! The pages: the HTML around the application, and rendering it.

use super::whole_pages::render_whole;
use crate::{
    app::App,
    error::AppError,
    model::{Current, FormEcho, Offered, PageData},
    paths::{self, ReturnTo},
    server::{
        auth::{current_user::current_user, visitor::Visitor},
        context::CalledOverHttp,
        edge::security_headers::CspNonce,
        gateway::direct::DirectClient,
        state::AppState,
    },
    upstream::UpstreamContext,
};
use axum::{
    Router,
    extract::Request,
    http::{Extensions, HeaderValue, Method, StatusCode, Uri, header, request::Parts, uri::PathAndQuery},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use leptos::{nonce::Nonce, prelude::*};
use leptos_axum::AxumRouteListing;
use leptos_meta::MetaTags;
use serde::Serialize;
use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

/// The routes of the application. Made once: while Leptos lists them, it keeps every resource of the process from
/// loading, and a page that is being rendered meanwhile would wait for ever.
static PAGES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();

fn pages() -> &'static [AxumRouteListing] {
    PAGES.get_or_init(|| leptos_axum::generate_route_list(App))
}

/// The paths of all pages.
pub fn paths() -> impl Iterator<Item = String> {
    pages().iter().map(|page| page.path().to_owned())
}

/// The pages of the application, ready to be rendered.
#[derive(Clone, Debug)]
pub struct Site {
    state: AppState,
    assets: AssetNames,
}

/// The files every page loads, under the names the build gave them.
#[derive(Clone, Debug)]
pub struct AssetNames {
    pub stylesheet: String,
    script: String,
    wasm: String,
}

impl AssetNames {
    /// Reads the names from the build's hash file beside the executable, if the build hashed them.
    #[must_use]
    pub fn find(options: &LeptosOptions) -> Self {
        let hashes = if options.hash_files { read_hash_file(options) } else { String::new() };
        let hash_of = |kind: &str| {
            let line = hashes.lines().find_map(|line| line.split_once(':').filter(|(name, _)| name.trim() == kind));
            line.map(|(_, hash)| format!(".{}", hash.trim())).unwrap_or_default()
        };
        let path = |kind: &str, extension: &str| {
            format!("{}{}{}.{extension}", options.site_pkg_dir_route_base(), options.output_name, hash_of(kind))
        };
        let files = Self { stylesheet: path("css", "css"), script: path("js", "js"), wasm: path("wasm", "wasm") };
        let built = Path::new(options.site_root.as_ref()).join(files.script.trim_start_matches('/'));
        if !built.exists() {
            tracing::warn!(
                missing = %built.display(),
                "pages will come without scripts and styles; build the site, or set LEPTOS_HASH_FILES as the build had it"
            );
        }
        files
    }
}

fn read_hash_file(options: &LeptosOptions) -> String {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(options.hash_file.as_ref())));
    let read = beside.and_then(|file| std::fs::read_to_string(file).ok());
    read.unwrap_or_else(|| {
        tracing::error!(file = %options.hash_file, "hash-files is set, but the build left no hash file beside the executable; scripts and styles will be missing");
        String::new()
    })
}

impl Site {
    #[must_use]
    pub const fn new(state: AppState, assets: AssetNames) -> Self {
        Self { state, assets }
    }

    /// Routes for all pages; every other path gets the application's "not found" page.
    pub fn router(&self) -> Router {
        let pages = pages();
        let page = {
            let site = self.clone();
            move |request: Request| async move { site.render(request).await }
        };
        let router =
            pages.iter().fold(Router::new(), |router, listing| router.route(listing.path(), get(page.clone())));
        let site = self.clone();
        router.fallback(move |request: Request| async move {
            if matches!(*request.method(), Method::GET | Method::HEAD) {
                site.render(request).await
            } else {
                StatusCode::NOT_FOUND.into_response()
            }
        })
    }

    /// Renders the page for a request's path.
    ///
    /// In order, so that pages stream and still need no script to be put together.
    pub async fn render(&self, request: Request) -> Response {
        if let Some(clean) = without_planted_error(request.uri()) {
            return Redirect::to(&clean).into_response();
        }
        let data = PageData {
            current: self.current_user(request.extensions()).await,
            settings: self.state.settings,
            offered: Offered { notes: self.state.gateway.offers(paths::NOTES_SERVICE) },
            echo: request.extensions().get::<FormEcho>().and_then(|echo| serde_json::to_string(echo).ok()),
        };
        if data.current == Ok(None) && paths::is_private(request.uri().path()) {
            // The session has ended elsewhere, after the session layer has found it good.
            let wanted = request.uri().path_and_query().map(PathAndQuery::as_str);
            return Redirect::to(&paths::login_returning_to(&ReturnTo::parse(wanted))).into_response();
        }
        let (site, contexts) = (self.clone(), self.contexts());
        let contexts = move || {
            contexts();
            provide_context(data.clone());
        };
        let render = leptos_axum::render_app_to_stream_in_order_with_context(contexts, move || shell(&site));
        let mut response = render_whole(render(request)).await;
        if response.status() == StatusCode::SERVICE_UNAVAILABLE
            && let Some(wait) = AppError::Unavailable.retry_after_secs()
        {
            response.headers_mut().entry(header::RETRY_AFTER).or_insert(HeaderValue::from(wait));
        }
        response
    }

    /// Runs a server function.
    pub async fn call_server_function(&self, request: Request) -> Response {
        debug_assert!(
            request.extensions().get::<CalledOverHttp>().is_some(),
            "errors become a status only for marked calls"
        );
        leptos_axum::handle_server_fns_with_context(self.contexts(), request).await.into_response()
    }

    /// The person that the page is for, which a request with these extensions asks for.
    ///
    /// # Errors
    ///
    /// [`AppError::Unavailable`] if the store cannot be reached.
    pub fn current_user(&self, extensions: &Extensions) -> impl Future<Output = Current> + Send + use<> {
        let session = extensions.get::<Visitor>().and_then(|visitor| visitor.session);
        let sessions = Arc::clone(&self.state.sessions);
        async move { current_user(&sessions, session).await }
    }

    fn contexts(&self) -> impl Fn() + Clone + Send + Sync + 'static {
        let state = self.state.clone();
        move || {
            provide_context(state.clone());
            let Some(parts) = use_context::<Parts>() else { return };
            if let Some(nonce) = parts.extensions.get::<CspNonce>() {
                provide_context(Nonce::from_value(nonce.as_str()));
            }
            let services = DirectClient::new(Arc::clone(&state.gateway), Arc::new(parts));
            provide_context(UpstreamContext(Arc::new(services)));
        }
    }
}

/// The address without the parameters by which Leptos would show an error in a form because a link says so: our forms
/// never use them, so such a link is an attack.
fn without_planted_error(uri: &Uri) -> Option<String> {
    let query = uri.query()?;
    // A name can be written in many ways.
    let is_planted =
        |pair: &&str| url::form_urlencoded::parse(pair.as_bytes()).any(|(name, _)| name == "__err" || name == "__path");
    query.split('&').find(is_planted)?;
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_planted(pair)).collect();
    // One slash, or it would be another origin.
    let path = format!("/{}", uri.path().trim_start_matches('/'));
    Some(if kept.is_empty() { path } else { format!("{path}?{}", kept.join("&")) })
}

/// JSON that stays what it is inside of a `<script>`: no text in it can end that.
fn json_in_html(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default().replace('<', "\\u003c")
}

/// The HTML around the application.
fn shell(site: &Site) -> impl IntoView + use<> {
    let nonce = use_nonce();
    let AssetNames { stylesheet, script, wasm } = site.assets.clone();
    let start =
        format!("import({script:?}).then(app=>app.default({{module_or_path:{wasm:?}}}).then(()=>app.hydrate()))");
    let data = use_context::<PageData>().unwrap_or_default();
    // A refused form answers under the function's path; the application is to find itself on the form's page.
    let refused = data.echo.is_some().then(use_context::<Parts>).flatten();
    let settle = refused.map(|parts| {
        let shown = parts.uri.path_and_query().map_or(paths::HOME, PathAndQuery::as_str).to_owned();
        let settle = format!("history.replaceState(null,'',{shown:?})");
        view! { <script nonce=use_nonce()>{settle}</script> }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="stylesheet" href=stylesheet id="stylesheet" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="modulepreload" href=script nonce=nonce.clone() crossorigin="anonymous" />
                <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
                <script type="application/json" id=PageData::ELEMENT_ID nonce=nonce.clone()>
                    {json_in_html(&data)}
                </script>
                {settle}
                <AutoReload options=site.state.options.clone() />
                <script type="module" nonce=nonce>
                    {start}
                </script>
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}
