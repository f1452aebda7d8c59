//! Direct calls: while a page is rendered, its calls go directly to the upstreams, with the same credentials, limits
//! and headers as through the gateway.

use super::{Gateway, GatewayError, Route, caller, headers, slots::Holder, stream::Sent};
use crate::{
    error::AppError,
    server::edge::limits::Deadline,
    upstream::{UpstreamClient, UpstreamRequest, UpstreamResponse},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
};
use http_body_util::{BodyExt as _, Limited};
use std::{fmt, future::Future, pin::Pin, sync::Arc};
use tokio::time::{Instant, timeout_at};

/// The longest response to a page's call. A page is not streamed from an upstream.
const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Calls the upstreams for the page of one request.
pub struct DirectClient {
    gateway: Arc<Gateway>,
    page: Arc<Parts>,
}

impl DirectClient {
    /// A client for the page that this request is for.
    #[must_use]
    pub const fn new(gateway: Arc<Gateway>, page: Arc<Parts>) -> Self {
        Self { gateway, page }
    }
}

impl fmt::Debug for DirectClient {
    /// Without the page's request, which holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectClient").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

impl UpstreamClient for DirectClient {
    fn call(&self, call: UpstreamRequest) -> Pin<Box<dyn Future<Output = Result<UpstreamResponse, AppError>> + Send>> {
        let (gateway, page) = (Arc::clone(&self.gateway), Arc::clone(&self.page));
        Box::pin(async move {
            let uri = Uri::try_from(call.path.as_str()).map_err(|_| AppError::NotFound)?;
            let route = gateway.routes().iter().find(|route| route.covers(uri.path())).ok_or(AppError::NotFound)?;
            gateway.call(route, &uri, call, &page).await.map_err(|error| {
                error.log(route.prefix());
                error.error_response().error().clone()
            })
        })
    }
}

impl Gateway {
    async fn call(
        &self,
        route: &Route,
        uri: &Uri,
        call: UpstreamRequest,
        page: &Parts,
    ) -> Result<UpstreamResponse, GatewayError> {
        if !route.allows(&call.method) {
            return Err(GatewayError::Method(route.allowed_methods()));
        }
        let target = route.target(uri)?;
        let visitor = page.extensions.get().cloned().unwrap_or_default();
        let caller = caller::of_page(route.token_policy(), &visitor)?;
        let mut headers = headers::of_page(&page.headers);
        self.describe(route, page, caller, &mut headers);
        headers.insert(header::ACCEPT, JSON);
        if call.body.is_some() {
            headers.insert(header::CONTENT_TYPE, JSON);
        }
        let body = call.body.map(Body::from).unwrap_or_default();
        let holder = Holder::of(caller, &page.extensions);
        let response = send_and_read(route, holder, (call.method, target, headers), body);
        let deadline = page.extensions.get::<Deadline>().map(Deadline::instant);
        let latest = Instant::now() + route.response_timeout();
        let (status, body) = timeout_at(deadline.unwrap_or(latest).min(latest), response)
            .await
            .map_err(|_| GatewayError::ResponseTimeout)??;
        if status == StatusCode::UNAUTHORIZED && caller.bearer().is_some() {
            self.forget_token(route, caller);
            return Err(GatewayError::TokenRefused);
        }
        Ok(UpstreamResponse { status: status.as_u16(), body })
    }
}

async fn send_and_read(
    route: &Route,
    holder: Holder,
    (method, target, headers): (Method, Uri, HeaderMap),
    body: Body,
) -> Result<(StatusCode, axum::body::Bytes), GatewayError> {
    let _slot = route.slots().slot(route.slots().share(holder).await?).await?;
    let (body, sent) = Sent::track(body);
    let (head, body) = route.send(method, target, headers, body, &sent).await?.into_parts();
    match Limited::new(body, MAX_RESPONSE_BYTES).collect().await {
        Ok(body) => Ok((head.status, body.to_bytes())),
        Err(error) => Err(GatewayError::Unreadable(error)),
    }
}
