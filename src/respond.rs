//! The status of the response that a page is rendered into. In the browser there is no response, and nothing happens.

/// Sets the status of the page that is being rendered.
///
/// Only effective before the first byte is sent: in the body of a page's component, or in a blocking resource.
pub fn set_status(status: u16) {
    #[cfg(feature = "ssr")]
    if let (Some(response), Ok(status)) =
        (leptos::prelude::use_context::<leptos_axum::ResponseOptions>(), axum::http::StatusCode::from_u16(status))
    {
        response.set_status(status);
    }
    #[cfg(not(feature = "ssr"))]
    let _ = status;
}
