//! A browser as the server sees it: a cookie jar, and the headers that browsers send.

use super::{
    http::{Answer, Body},
    paths::api,
};
use cookie::Cookie;
use hyper::{Method, Request, body::Bytes, header};
use std::collections::BTreeMap;

/// What a browser keeps for one site. Whichever answer arrives last has the last word.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    cookies: BTreeMap<String, String>,
}

impl Jar {
    /// Does what the `Set-Cookie` lines of an answer say, in the order in which answers arrive.
    pub fn receive(&mut self, answer: &Answer) {
        for cookie in answer.set_cookies().filter_map(|line| Cookie::parse(line).ok()) {
            if cookie.max_age().is_some_and(|age| !age.is_positive()) {
                self.cookies.remove(cookie.name());
            } else {
                self.cookies.insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
    }

    /// What a browser does an hour later: it throws away what is over.
    pub fn let_access_expire(&mut self) {
        self.cookies.remove("accessToken");
        self.cookies.remove("tokenLife");
    }

    pub fn refresh_token(&self) -> &str {
        self.cookies.get("refreshToken").map(String::as_str).unwrap_or_default()
    }

    fn header(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }
}

/// What a browser asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish<'a> {
    /// A page, from the address bar.
    Page(&'a str),
    /// A call of a page's script.
    Call(&'a str, &'a [(&'a str, &'a str)]),
}

impl Wish<'_> {
    /// The script's way to new tokens. The other way is any page.
    pub const REFRESH: Self = Self::Call(api::REFRESH, &[]);

    /// The request, with the cookies of the jar, as the page of `origin` sends it.
    pub fn request(self, origin: &str, jar: &Jar) -> Request<Body> {
        let host = origin.trim_start_matches("http://");
        let (method, path, body) = match self {
            Self::Page(path) => (Method::GET, path, Bytes::new()),
            Self::Call(path, fields) => (Method::POST, path, encode(fields)),
        };
        let mut request = Request::new(Body::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = hyper::Uri::try_from(path).unwrap_or_default();
        let cookies = jar.header();
        let mut headers = vec![(header::HOST.as_str(), host), (header::USER_AGENT.as_str(), "tokenlife-chaos")];
        if !cookies.is_empty() {
            headers.push((header::COOKIE.as_str(), &cookies));
        }
        headers.extend(match self {
            Self::Page(_) => &[
                ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
                ("sec-fetch-site", "none"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
                ("sec-fetch-user", "?1"),
            ][..],
            Self::Call(..) => &[
                ("accept", "application/json"),
                ("content-type", "application/x-www-form-urlencoded"),
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-mode", "cors"),
                ("sec-fetch-dest", "empty"),
            ][..],
        });
        if matches!(self, Self::Call(..)) {
            headers.push((header::ORIGIN.as_str(), origin));
        }
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (header::HeaderName::try_from(name), value.parse()) {
                request.headers_mut().insert(name, value);
            }
        }
        request
    }
}

fn encode(fields: &[(&str, &str)]) -> Bytes {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into()
}
